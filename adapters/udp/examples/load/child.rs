//! The server's process. It is told what to do by lines of its input, and answers by lines of its output.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use inputwire_udp::{Limits, Server, Socket};

use crate::common::crowd::system_us;
use crate::common::game::{Game, INPUT};
use crate::common::usage::{Usage, pin, usage};
use crate::common::{AnyError, bare, serve as game_loop};
use crate::{Kind, Options};

/// What the server's process says when it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) usage: Usage,
    pub(crate) clients: u64,
    pub(crate) refused: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) junk: u64,
}

impl Mark {
    fn line(&self) -> String {
        let Self { usage: Usage { user_us, system_us, resident_kib }, clients, refused, .. } = self;
        let Self { received, received_bytes, sent, sent_bytes, junk, .. } = self;
        format!(
            "mark {user_us} {system_us} {resident_kib} {clients} {refused} {received} {received_bytes} {sent} {sent_bytes} {junk}"
        )
    }

    fn read(line: &str) -> Option<Self> {
        let mut numbers = line.strip_prefix("mark ")?.split(' ').map_while(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next();
        Some(Self {
            usage: Usage { user_us: next()?, system_us: next()?, resident_kib: next()? },
            clients: next()?,
            refused: next()?,
            received: next()?,
            received_bytes: next()?,
            sent: next()?,
            sent_bytes: next()?,
            junk: next()?,
        })
    }
}

/// When each frame of the server was, on the system's clock, and at which of them the frames of each player began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames {
    times: Vec<u64>,
    began: HashMap<u16, usize>,
}

impl Frames {
    /// When the server used the input that a player pushed for a frame.
    pub(crate) fn used_at(&self, player: u16, frame: usize) -> Option<u64> {
        self.times.get(self.began.get(&player)? + frame).copied()
    }
}

fn say(line: &str) {
    // A parent that is gone needs no answer.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Is the server, until the end of the input.
pub(crate) fn serve(kind: Kind, limits: Limits) -> Result<(), AnyError> {
    if !pin(0, true) {
        eprintln!("the server is not kept on one core: this system does not do so");
    }
    let (asked, ask) = mpsc::channel();
    thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|_| asked.send(())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        say(&format!("address {}", socket.local_addr()?));
        match kind {
            Kind::Sessions => {
                let mut server = Server::<INPUT>::new(socket, limits);
                let (mut game, mut times) = (Game::default(), Vec::new());
                game_loop::serve(&mut server, &mut game, |server, _| {
                    times.push(system_us());
                    goes_on(&ask, || {
                        let counters = server.counters();
                        let junk =
                            counters.refused().filter(|(name, _)| *name != "session").map(|(_, count)| count).sum();
                        Mark {
                            usage: usage(),
                            clients: u64::try_from(server.len()).unwrap_or(0),
                            refused: counters.hellos_refused(),
                            received: counters.datagrams_received,
                            received_bytes: counters.bytes_received,
                            sent: counters.datagrams_sent,
                            sent_bytes: counters.bytes_sent,
                            junk,
                        }
                    })
                })
                .await?;
                let times: Vec<String> = times.iter().map(u64::to_string).collect();
                say(&format!("times {}", times.join(" ")));
                for (player, frame) in game.began {
                    say(&format!("began {player} {frame}"));
                }
            }
            Kind::Bare { size } => {
                bare::serve(&mut socket, size, |counts| {
                    goes_on(&ask, || Mark {
                        usage: usage(),
                        clients: u64::try_from(counts.clients).unwrap_or(0),
                        received: counts.received,
                        sent: counts.sent,
                        ..Mark::default()
                    })
                })
                .await?;
            }
        }
        Ok(())
    })
}

/// Answers the parent. `false` once it has closed the input.
fn goes_on(ask: &mpsc::Receiver<()>, mark: impl FnOnce() -> Mark) -> bool {
    match ask.try_recv() {
        Ok(()) => {
            say(&mark().line());
            true
        }
        Err(error) => error == mpsc::TryRecvError::Empty,
    }
}

/// The server's process, seen from its parent.
pub(crate) struct ServerProcess {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    pub(crate) fn start(options: &Options, kind: Kind) -> Result<Self, AnyError> {
        let size = match kind {
            Kind::Sessions => 0,
            Kind::Bare { size } => size,
        };
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--serve", &size.to_string(), "--clients", &options.clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().ok_or("a server without an output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().strip_prefix("address ").ok_or("the server did not start")?.parse()?;
        Ok(Self { process, input, output, address })
    }

    /// Asks how it is.
    pub(crate) fn mark(&mut self) -> Result<Mark, AnyError> {
        writeln!(self.input.as_mut().ok_or("closed")?, "mark")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Mark::read(line.trim()).ok_or_else(|| format!("not a mark: {line}").into())
    }

    /// Lets it say goodbye to its clients.
    pub(crate) fn close(&mut self) {
        self.input = None;
    }

    /// Waits until it has ended, and reads when its frames were.
    pub(crate) fn finish(mut self) -> Result<Frames, AnyError> {
        self.close();
        let mut frames = Frames::default();
        for line in self.output.lines() {
            let line = line?;
            if let Some(times) = line.strip_prefix("times ") {
                frames.times = times.split(' ').map_while(|time| time.parse().ok()).collect();
            } else if let Some((player, frame)) = line.strip_prefix("began ").and_then(|text| text.split_once(' ')) {
                frames.began.insert(player.parse()?, frame.parse()?);
            }
        }
        self.process.wait()?;
        Ok(frames)
    }
}
