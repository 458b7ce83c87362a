//! The body of a compact datagram, written independently from PROTOCOL 3.4, to compare with.

/// Bits in the order of the stream.
#[derive(Debug, Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u8, width: u8) {
        self.0.extend((0..width).map(|bit| value >> bit & 1 == 1));
    }

    /// The bytes of the stream, without zero bytes at their end.
    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| (0_u8..).zip(bits).fold(0, |byte, (bit, set)| byte | u8::from(*set) << bit);
        let mut bytes: Vec<u8> = self.0.chunks(8).map(byte).collect();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }
}

/// The shortest body that carries `inputs` to a receiver that knows the one before them.
pub fn encode<const INPUT_LEN: usize>(before: [u8; INPUT_LEN], inputs: &[[u8; INPUT_LEN]]) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut previous = before;
    for input in inputs {
        let mut steps = Bits::default();
        previous.iter().zip(input).for_each(|(previous, current)| step(&mut steps, *previous, *current));
        if INPUT_LEN == 1 {
            bits.0.append(&mut steps.0);
        } else if *input == previous {
            bits.put(0, 1);
        } else if steps.0.len() < 8 * INPUT_LEN {
            bits.put(0b01, 2);
            bits.0.append(&mut steps.0);
        } else {
            bits.put(0b11, 2);
            for byte in input {
                bits.put(*byte, 8);
            }
        }
        previous = *input;
    }
    bits.bytes()
}

fn step(bits: &mut Bits, previous: u8, current: u8) {
    let distance = current.wrapping_sub(previous).cast_signed();
    if distance == 0 {
        bits.put(0, 1);
    } else if let Some(place) = (0..8).find(|place| previous ^ 1 << place == current) {
        bits.put(0b01, 2);
        bits.put(place, 3);
    } else if (-8..=8).contains(&distance) {
        bits.put(0b011, 3);
        bits.put((distance + if distance < 0 { 8 } else { 7 }).cast_unsigned(), 4);
    } else {
        bits.put(0b111, 3);
        bits.put(current, 8);
    }
}

/// Reads bits in the order of the stream; past the end they are 0.
#[derive(Debug)]
struct Stream<'a> {
    body: &'a [u8],
    read: usize,
}

impl Stream<'_> {
    fn bit(&mut self) -> bool {
        let byte = self.body.get(self.read / 8).copied().unwrap_or(0);
        self.read += 1;
        byte >> ((self.read - 1) % 8) & 1 == 1
    }

    fn field(&mut self, width: u8) -> u8 {
        (0..width).fold(0, |value, bit| value | u8::from(self.bit()) << bit)
    }

    fn step(&mut self, previous: u8) -> u8 {
        let longer = (0..3).take_while(|_| self.bit()).count();
        match longer {
            0 => previous,
            1 => previous ^ 1 << self.field(3),
            2 => match self.field(4) {
                below @ 0..=7 => previous.wrapping_sub(8 - below),
                above => previous.wrapping_add(above - 7),
            },
            _ => self.field(8),
        }
    }
}

/// Returns the inputs of a body, or `None` if it does not end where its inputs do.
pub fn decode<const INPUT_LEN: usize>(
    body: &[u8],
    count: usize,
    before: [u8; INPUT_LEN],
) -> Option<Vec<[u8; INPUT_LEN]>> {
    let mut stream = Stream { body, read: 0 };
    let mut input = before;
    let mut inputs = Vec::new();
    for _ in 0..count {
        if INPUT_LEN == 1 {
            input[0] = stream.step(input[0]);
        } else if stream.bit() {
            let raw = stream.bit();
            for byte in &mut input {
                *byte = if raw { stream.field(8) } else { stream.step(*byte) };
            }
        }
        inputs.push(input);
    }
    let unread = (stream.read..body.len() * 8).any(|bit| body[bit / 8] >> (bit % 8) & 1 == 1);
    (!unread && body.last() != Some(&0)).then_some(inputs)
}
