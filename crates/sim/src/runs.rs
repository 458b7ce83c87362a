//! What an endpoint must believe of the other's runs: PROTOCOL 3.10 once more, from what was sent and not from the session.

/// A hello as it stands on the wire (PROTOCOL 3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) ping_us: u64,
    pub(crate) epoch: u32,
    pub(crate) incarnation: u64,
    pub(crate) number: u32,
    pub(crate) named: u64,
    pub(crate) answered: u32,
    pub(crate) playing: bool,
    pub(crate) asks: bool,
}

impl Hello {
    /// Reads a hello with a tag of this length.
    ///
    /// # Panics
    ///
    /// If the bytes are fewer than a hello has.
    pub(crate) fn read(bytes: &[u8], tag_len: usize) -> Self {
        let number = |at: usize, len: usize| {
            let bytes = &bytes[at + tag_len..at + tag_len + len];
            bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let small = |at: usize| u32::try_from(number(at, 4)).expect("four bytes");
        Self {
            ping_us: number(14, 2) * 1_000,
            epoch: small(20),
            incarnation: number(24, 8),
            number: small(32),
            named: number(36, 8),
            answered: small(44),
            playing: number(9, 1) & 1 != 0,
            asks: number(9, 1) & 2 != 0,
        }
    }
}

/// What must become of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Refused: it is not newer than one before it.
    Late,
    /// Refused: another run is alive.
    OtherRun,
    /// Taken, and of no effect but a report.
    Ignored,
    /// Its run is not believed yet.
    Candidate,
    /// A sign of life.
    Alive,
    /// The first sign of life of a run that is believed from now on.
    Believed,
}

/// The runs of both endpoints of a link, as one of them must see them.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Runs {
    /// The run of this endpoint on this link.
    pub(crate) local: u64,
    run: Option<u64>,
    /// Another run or the first one, the number of its last hello, and its ping interval.
    candidate: Option<(u64, u32, u64)>,
    /// The run replaced one that was linked, and no epoch has begun since.
    pub(crate) halted: bool,
    /// An input of the run was accepted: ever, and in this epoch.
    linked_ever: bool,
    linked: bool,
    sent: u32,
    sent_alive: u32,
    received: u32,
    /// The greatest epoch that the run announced.
    pub(crate) announced: u32,
    wanted: bool,
    owed: bool,
    /// The ping interval of the run; 0 before it is known.
    pub(crate) ping_us: u64,
}

impl Runs {
    /// Begins with what signalling told of the other endpoint.
    pub(crate) fn new(local: u64, signalled: Option<u64>) -> Self {
        Self { local, candidate: signalled.map(|run| (run, 0, 0)), ..Self::default() }
    }

    /// The run under which inputs flow.
    pub(crate) fn playing(&self) -> Option<u64> {
        self.run.or(self.candidate.map(|(run, ..)| run)).filter(|_| !self.halted)
    }

    /// The run that is believed.
    pub(crate) fn run(&self) -> Option<u64> {
        self.run
    }

    /// Whether an epoch of the reserve may be begun.
    pub(crate) fn needs_epoch(&self, epoch: u32) -> bool {
        self.halted || self.announced > epoch
    }

    pub(crate) fn begin_epoch(&mut self) {
        (self.halted, self.linked, self.owed) = (false, false, false);
    }

    /// Takes an input datagram or checksums, accepted under `playing`. Returns whether they prove the run.
    pub(crate) fn accept(&mut self, input: bool) -> bool {
        let proves = self.run.is_none();
        if let Some((run, number, ping_us)) = self.candidate.filter(|_| proves) {
            (self.run, self.received, self.ping_us, self.candidate) = (Some(run), number, ping_us, None);
        }
        self.linked |= input;
        self.linked_ever |= input;
        proves
    }

    /// Takes a sign of life in an input datagram.
    pub(crate) fn live(&mut self) {
        (self.sent_alive, self.candidate, self.wanted) = (self.sent, None, false);
    }

    /// Takes a hello with right settings. `alive` is whether the run was alive when it arrived.
    pub(crate) fn receive(&mut self, hello: &Hello, alive: bool) -> Expected {
        let names_local = hello.named == self.local;
        if self.run == Some(hello.incarnation) {
            if hello.number <= self.received {
                return Expected::Late;
            }
            if hello.playing && !names_local {
                return Expected::Ignored;
            }
            self.announced = self.announced.max(hello.epoch);
            self.learn(hello);
            return Expected::Alive;
        }
        if alive && self.linked_ever {
            self.owed = true;
            return Expected::OtherRun;
        }
        let known = self.candidate.filter(|(run, ..)| *run == hello.incarnation);
        let hello = &Hello { number: hello.number.max(known.map_or(0, |(_, number, _)| number)), ..*hello };
        if names_local && (self.run.is_none() || hello.answered > self.sent_alive) {
            self.halted |= self.linked_ever;
            (self.run, self.linked, self.linked_ever) = (Some(hello.incarnation), false, false);
            self.announced = hello.epoch;
            self.learn(hello);
            return Expected::Believed;
        }
        self.candidate = Some((hello.incarnation, hello.number, hello.ping_us));
        Expected::Candidate
    }

    fn learn(&mut self, hello: &Hello) {
        (self.received, self.ping_us, self.wanted) = (hello.number, hello.ping_us, !hello.playing);
        (self.sent_alive, self.candidate) = (self.sent, None);
        self.owed |= hello.asks;
    }

    /// Notes a hello of this endpoint. Returns what it must say.
    pub(crate) fn send(&mut self, hello: &Hello) -> Hello {
        self.sent += 1;
        self.owed = false;
        let (named, answered, playing) = match (self.candidate, self.run) {
            (Some((run, number, _)), _) => (run, number, false),
            (None, Some(run)) => (run, self.received, self.received > 0),
            (None, None) => (0, 0, false),
        };
        Hello { incarnation: self.local, number: self.sent, named, answered, playing, ..*hello }
    }

    /// Whether there is a reason for a hello, while the run is alive.
    pub(crate) fn has_reason(&self, epoch: u32) -> bool {
        !self.linked || self.announced > epoch || self.wanted || self.owed || self.received == 0
    }
}
