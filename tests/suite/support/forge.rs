//! Hand-made datagrams: the tag is right, the rest is what a test wants.

use std::hash::Hasher;

use crc::{CRC_16_IBM_3740, Crc};
use siphasher::sip::SipHasher24;

use super::{KEY, SESSION_ID, Wire, incarnation};

/// The context that the tag of a compact datagram covers besides the bytes (PROTOCOL 3.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) key: Option<[u8; 16]>,
    pub(crate) session_id: u64,
    pub(crate) version: u8,
    /// Player number and incarnation.
    pub(crate) sender: (u16, u64),
    pub(crate) receiver: (u16, u64),
    pub(crate) epoch: u32,
    pub(crate) input_len: u16,
    pub(crate) window: u16,
    pub(crate) first_frame: u32,
    /// Whether inputs and checksums carry half of the code.
    pub(crate) short: bool,
    /// The number of the next hello, and what it says of the receiver's run.
    pub(crate) number: u32,
    pub(crate) named: Named,
}

/// What a hello says of its receiver's run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) incarnation: u64,
    pub(crate) answered: u32,
    pub(crate) playing: bool,
}

impl Seal {
    /// The datagrams of player `sender` to player `receiver` in epoch 0 of a session made by [`Wire::settings`].
    pub(crate) fn new(wire: Wire, sender: u16, receiver: u16) -> Self {
        Self {
            key: (wire == Wire::Keyed).then_some(KEY),
            session_id: SESSION_ID,
            version: 1,
            sender: (sender, incarnation(sender)),
            receiver: (receiver, incarnation(receiver)),
            epoch: 0,
            input_len: 1,
            window: 120,
            first_frame: 0,
            short: false,
            number: 1,
            named: Named::default(),
        }
    }

    /// The same, whose next hello has this number and plays with the receiver's run, whose hello `answered` it has.
    pub(crate) fn playing(self, number: u32, answered: u32) -> Self {
        Self { number, named: Named { incarnation: self.receiver.1, answered, playing: true }, ..self }
    }

    /// The same, whose next hello has this number and answers a hello of the receiver's run without believing it yet.
    pub(crate) fn answering(self, number: u32, answered: u32) -> Self {
        Self { number, named: Named { incarnation: self.receiver.1, answered, playing: false }, ..self }
    }

    /// The tag over some bytes.
    pub(crate) fn tag(&self, bytes: &[u8]) -> Vec<u8> {
        match self.key {
            None => Crc::<u16>::new(&CRC_16_IBM_3740).checksum(bytes).to_be_bytes().to_vec(),
            Some(key) => {
                let mut hasher = SipHasher24::new_with_key(&key);
                hasher.write(bytes);
                hasher.finish().to_be_bytes().to_vec()
            }
        }
    }

    /// Bytes of the tag of inputs and checksums.
    fn input_tag_len(&self) -> u8 {
        match (self.key, self.short) {
            (None, _) => 2,
            (Some(_), true) => 4,
            (Some(_), false) => 8,
        }
    }

    /// The tag of inputs and checksums over some bytes.
    fn input_tag(&self, bytes: &[u8]) -> Vec<u8> {
        let mut tag = self.tag(bytes);
        tag.truncate(self.input_tag_len().into());
        tag
    }

    /// An input datagram with this type byte, these full frame numbers, and `rest` after the tag.
    pub(crate) fn inputs_of(&self, kind: u8, end: u32, ack: u32, rest: &[u8]) -> Vec<u8> {
        let head = [kind, end.to_be_bytes()[3], ack.to_be_bytes()[3]];
        let covered = [&self.context(self.epoch, end, ack), &head[..], rest].concat();
        [&head[..], &self.input_tag(&covered), rest].concat()
    }

    /// An input datagram that carries `count` inputs in `body`, without a timing block.
    pub(crate) fn inputs(&self, count: u8, end: u32, ack: u32, body: &[u8]) -> Vec<u8> {
        self.build(count, end, ack, None, body)
    }

    /// An input datagram with a timing block: stamp, echo, sent; nothing was missed, and no lead is told.
    pub(crate) fn timed(&self, count: u8, end: u32, ack: u32, timing: [u16; 3], body: &[u8]) -> Vec<u8> {
        self.build(count, end, ack, Some(timing), body)
    }

    fn build(&self, count: u8, end: u32, ack: u32, timing: Option<[u16; 3]>, body: &[u8]) -> Vec<u8> {
        let epoch = u8::try_from(self.epoch % 4).expect("two bits") << 4;
        let kind = 0x80 | u8::from(timing.is_some()) << 6 | epoch | count.min(15);
        let mut rest = Vec::new();
        rest.extend(count.checked_sub(15));
        if let Some(numbers) = timing {
            rest.extend(numbers.into_iter().flat_map(u16::to_be_bytes));
            // Nothing was missed lately, and the lead is not known.
            rest.extend([0, 0x80]);
        }
        rest.extend_from_slice(body);
        self.inputs_of(kind, end, ack, &rest)
    }

    /// A hello with these bytes after the tag.
    pub(crate) fn hello_of(&self, rest: &[u8]) -> Vec<u8> {
        let covered = [&self.session_id.to_be_bytes()[..], &[0x20], rest].concat();
        [&[0x20][..], &self.tag(&covered), rest].concat()
    }

    /// A hello with the values of this seal, 60 frames a second, and a ping every 200 ms.
    pub(crate) fn hello(&self) -> Vec<u8> {
        self.hello_of(&self.hello_body())
    }

    /// The bytes after the tag in [`hello`](Self::hello).
    pub(crate) fn hello_body(&self) -> Vec<u8> {
        let mut rest = vec![self.version];
        rest.extend(self.sender.0.to_be_bytes());
        rest.extend(self.receiver.0.to_be_bytes());
        rest.extend([self.input_len, self.window].map(|size| u8::try_from(size).expect("a byte")));
        rest.extend([self.input_tag_len(), u8::from(self.named.playing)]);
        rest.extend(16_667_u32.to_be_bytes());
        rest.extend(200_u16.to_be_bytes());
        rest.extend(self.first_frame.to_be_bytes());
        rest.extend(self.epoch.to_be_bytes());
        rest.extend(self.sender.1.to_be_bytes());
        rest.extend(self.number.to_be_bytes());
        rest.extend(self.named.incarnation.to_be_bytes());
        rest.extend(self.named.answered.to_be_bytes());
        rest
    }

    /// The bye of a sender whose last input in this epoch is that of the frame before `end`.
    pub(crate) fn bye(&self, end: u32) -> Vec<u8> {
        self.bye_of(&[&self.receiver.1.to_be_bytes()[..], &self.epoch.to_be_bytes(), &end.to_be_bytes()].concat())
    }

    /// A bye with these bytes after the tag.
    pub(crate) fn bye_of(&self, rest: &[u8]) -> Vec<u8> {
        let covered = [&self.context(0, 0, 0), &[0x21][..], rest].concat();
        [&[0x21][..], &self.tag(&covered), rest].concat()
    }

    /// A checksum datagram with these bytes after the tag.
    pub(crate) fn checksums(&self, rest: &[u8]) -> Vec<u8> {
        let covered = [&self.context(self.epoch, 0, 0), &[0x22][..], rest].concat();
        [&[0x22][..], &self.input_tag(&covered), rest].concat()
    }

    /// A word with these flags about these players, each with the frame after its latest input, and these bytes after them. It
    /// does not say of which runs the inputs are, and lists only its receiver as one that stays.
    pub(crate) fn word(&self, flags: u8, players: &[(u16, u32)], rest: &[u8]) -> Vec<u8> {
        let players: Vec<_> = players.iter().map(|(player, end)| (*player, 0, *end)).collect();
        self.word_of_runs(flags, &players, rest)
    }

    /// The same, with which runs of them the sender has met.
    pub(crate) fn word_of_runs(&self, flags: u8, players: &[(u16, u16, u32)], rest: &[u8]) -> Vec<u8> {
        self.word_of_game(flags, players, &[self.receiver.0], rest)
    }

    /// The same, with who stays.
    pub(crate) fn word_of_game(&self, flags: u8, players: &[(u16, u16, u32)], stays: &[u16], rest: &[u8]) -> Vec<u8> {
        let mut body = vec![flags, u8::try_from(players.len()).expect("few"), u8::try_from(stays.len()).expect("few")];
        for (player, run, end) in players {
            body.extend(player.to_be_bytes());
            body.extend(run.to_be_bytes());
            body.extend(end.to_be_bytes());
        }
        body.extend(stays.iter().flat_map(|player| player.to_be_bytes()));
        self.word_of(&[&body[..], rest].concat())
    }

    /// The word that its receiver was named.
    pub(crate) fn farewell(&self) -> Vec<u8> {
        self.word_of_game(0, &[], &[], &[])
    }

    /// A word with these bytes after the tag.
    pub(crate) fn word_of(&self, rest: &[u8]) -> Vec<u8> {
        let covered = [&self.context(self.epoch, 0, 0), &[0x23][..], rest].concat();
        [&[0x23][..], &self.tag(&covered), rest].concat()
    }

    fn context(&self, epoch: u32, end: u32, ack: u32) -> Vec<u8> {
        let mut bytes = vec![self.version];
        bytes.extend(self.session_id.to_be_bytes());
        bytes.extend(self.sender.1.to_be_bytes());
        bytes.extend(self.receiver.1.to_be_bytes());
        bytes.extend(epoch.to_be_bytes());
        for number in [self.sender.0, self.receiver.0, self.input_len, self.window] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.first_frame.to_be_bytes());
        bytes.push(self.input_tag_len());
        bytes.extend(end.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes
    }
}

/// The number of a hello.
pub(crate) fn hello_number(hello: &[u8]) -> u32 {
    field(hello, 16)
}

/// What a hello says of its receiver's run.
pub(crate) fn hello_named(hello: &[u8]) -> Named {
    let high = u64::from(field(hello, 12));
    let incarnation = high << 32 | u64::from(field(hello, 8));
    Named { incarnation, answered: field(hello, 4), playing: hello[hello.len() - 39] & 1 == 1 }
}

/// The four bytes of a hello that begin so many before its end.
fn field(hello: &[u8], before_end: usize) -> u32 {
    let start = hello.len() - before_end;
    u32::from_be_bytes(hello[start..start + 4].try_into().expect("four bytes"))
}

/// A classic INPUT whose current frame is the last of these.
pub(crate) fn classic_input(player: u16, inputs: &[(u32, u8)]) -> Vec<u8> {
    let current = inputs.last().map_or(0, |(frame, _)| *frame);
    let count = u8::try_from(inputs.len()).expect("a byte");
    let head = [&[0x01][..], &player.to_be_bytes(), &current.to_be_bytes(), &[count, 0]].concat();
    [head, pairs(inputs)].concat()
}

/// A classic `INPUT_RESPONSE`.
pub(crate) fn classic_response(player: u16, inputs: &[(u32, u8)]) -> Vec<u8> {
    let count = u16::try_from(inputs.len()).expect("a count");
    let head = [&[0x13][..], &player.to_be_bytes(), &count.to_be_bytes()].concat();
    [head, pairs(inputs)].concat()
}

/// A classic `INPUT_REQUEST`.
pub(crate) fn classic_request(first: u32, last: u32) -> Vec<u8> {
    [&[0x12][..], &first.to_be_bytes(), &last.to_be_bytes()].concat()
}

/// A classic datagram of a type byte and 8 more bytes.
pub(crate) fn classic_stamp(kind: u8, stamp: [u8; 8]) -> Vec<u8> {
    [&[kind][..], &stamp].concat()
}

fn pairs(inputs: &[(u32, u8)]) -> Vec<u8> {
    inputs.iter().flat_map(|(frame, action)| [&frame.to_be_bytes()[..], &[*action]].concat()).collect()
}
