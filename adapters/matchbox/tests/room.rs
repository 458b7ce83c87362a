//! Ends meet in a room of the real `matchbox_server` on loopback, and play: native ones, and one in Chromium.
//!
//! `MATCHBOX_SERVER` is the program; `check.sh` installs it. Without it, nothing is played here. `MATCHBOX_PAGE` is the folder of the
//! page, built, and `CHROMIUM` the browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use inputwire::{Config, Epoch, Event, Instant, PeerEvent};
use inputwire_matchbox::{Happening, Match, PushInputError, socket};
use tokio::time::{Instant as Clock, sleep, timeout};

const FRAMES: u32 = 600;
const FRAME: Duration = Duration::from_millis(5);

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    #[expect(clippy::zombie_processes, reason = "a server that does not listen ends with the tests")]
    async fn start() -> Option<Self> {
        let program = std::env::var_os("MATCHBOX_SERVER")?;
        // Of UDP and of TCP the same ports are free, nearly always.
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .arg(format!("127.0.0.1:{port}"))
            .env("RUST_LOG", "off")
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Self { process, port });
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not listen");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn input(player: u16, epoch: u32, frame: u32) -> [u8; 2] {
    [(frame.wrapping_mul(37) ^ epoch).to_le_bytes()[0], player.to_le_bytes()[0]]
}

/// What an end saw.
#[derive(Debug, Default)]
struct Seen {
    player: Option<u16>,
    delivered: u32,
    left: u32,
}

struct End {
    game: Match<1, 2>,
    clock: Clock,
    seen: Seen,
}

impl End {
    fn enter(port: u16, room: &str, incarnation: u64) -> Self {
        let (socket, message_loop) = socket(format!("ws://127.0.0.1:{port}/{room}"));
        tokio::spawn(message_loop);
        let config = Config::builder().session_id(7).incarnation(incarnation << 40 | 1).frame_interval(FRAME);
        Self { game: Match::new(socket, config, 2).unwrap(), clock: Clock::now(), seen: Seen::default() }
    }

    fn now(&self) -> Instant {
        Instant::ORIGIN.saturating_add(self.clock.elapsed())
    }

    /// One turn of the loop. Takes part in the epochs of the other end.
    fn turn(&mut self) {
        let now = self.now();
        self.game.pump(now).expect("the socket is open");
        let mut follow = None;
        while let Some(happening) = self.game.poll_event(now) {
            match happening {
                Happening::Seated { player } => self.seen.player = Some(player),
                Happening::Left { .. } => self.seen.left += 1,
                Happening::Session(Event::Input { frame, input: received, .. }) => {
                    let session = self.game.session().unwrap();
                    let (epoch, other) = (session.epoch().get(), 1 - session.config().local_player());
                    assert_eq!((frame.get(), received), (self.seen.delivered, input(other, epoch, frame.get())));
                    self.seen.delivered += 1;
                }
                Happening::Session(Event::Peer { event, .. }) => match event {
                    PeerEvent::Restarted => follow = self.game.session().unwrap().next_epoch(),
                    PeerEvent::EpochAhead { epoch } => follow = Some(epoch),
                    _ => {}
                },
                _ => {}
            }
        }
        if let Some(epoch) = follow {
            self.begin(now, epoch);
        }
        self.game.send(now);
    }

    fn begin(&mut self, now: Instant, epoch: Epoch) {
        self.game.session().unwrap().begin_epoch(now, epoch).expect("a newer one");
        self.seen.delivered = 0;
    }

    fn push(&mut self) {
        let now = self.now();
        let Some(session) = self.game.session() else { return };
        let (player, epoch, frame) =
            (session.config().local_player(), session.epoch().get(), session.next_frame().get());
        if frame < FRAMES && self.game.is_linked() {
            match self.game.push_input(now, input(player, epoch, frame)) {
                Ok(_) | Err(PushInputError::Session(_)) => {}
                Err(error) => panic!("{error}"),
            }
            self.game.send(now);
        }
    }
}

/// Runs the loops of some ends until something holds for all.
async fn until(ends: &mut [&mut End], holds: impl Fn(&mut End) -> bool) {
    let (mut next, most) = (Clock::now(), Duration::from_secs(60));
    let played = timeout(most, async {
        loop {
            for end in ends.iter_mut() {
                end.turn();
            }
            if Clock::now() >= next {
                for end in ends.iter_mut() {
                    end.push();
                }
                next += FRAME;
            }
            if ends.iter_mut().all(|end| holds(end)) {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(played.await.is_ok(), "{:?}", ends.iter().map(|end| &end.seen).collect::<Vec<_>>());
}

fn has_everything(end: &mut End) -> bool {
    let pushed = end.game.session().is_some_and(|session| {
        let peer = session.peers().next();
        session.next_frame().get() == FRAMES
            && peer.and_then(|peer| session.peer(peer)).is_some_and(|peer| peer.unacked() == 0)
    });
    pushed && end.seen.delivered == FRAMES
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_native_ends_play_600_inputs_each_way_and_a_third_one_takes_the_place_of_one_that_leaves() {
    let Some(server) = Server::start().await else {
        println!("skipped: MATCHBOX_SERVER names no server");
        return;
    };
    let mut one = End::enter(server.port, "native", 1);
    let mut two = End::enter(server.port, "native", 2);
    until(&mut [&mut one, &mut two], has_everything).await;
    let mut players = [one.seen.player, two.seen.player];
    println!("600 inputs each way between players {players:?}");
    players.sort_unstable();
    assert_eq!(players, [Some(0), Some(1)]);

    let place = two.seen.player;
    two.game.leave();
    until(&mut [&mut one], |end| end.seen.left == 1).await;
    let mut three = End::enter(server.port, "native", 3);
    until(&mut [&mut one, &mut three], |end| end.game.is_linked()).await;
    // The new run is reported as such; both begin the next epoch, and play.
    until(&mut [&mut one, &mut three], has_everything).await;
    assert_eq!(three.seen.player, place);
    assert!(one.game.session().unwrap().epoch().get() >= 1);
    println!("and 600 more with the one who came later");
}

/// Serves the files of a folder until the page has posted its result, and returns that.
fn serve(listener: &TcpListener, folder: &Path) -> String {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut request, mut length) = (String::new(), 0);
        if reader.read_line(&mut request).is_err() {
            continue;
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let path = request.split_whitespace().nth(1).unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
        if path == "/result" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            let result = String::from_utf8_lossy(&body).into_owned();
            println!("the page: {result}");
            return result;
        }
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("wasm") => "application/wasm",
            _ => "text/html",
        };
        // Names of files only, so that nothing outside of the folder is served.
        let content = path.rsplit('/').next().and_then(|name| std::fs::read(folder.join(name)).ok());
        let (status, content) = content.map_or(("404 Not Found", Vec::new()), |content| ("200 OK", content));
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            content.len()
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content));
    }
    unreachable!("a listener goes on")
}

/// `check.sh` builds the page and plays with it.
#[ignore = "needs a built page and a browser"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_native_end_and_a_page_in_chromium_play_600_inputs_each_way() {
    let (Some(folder), Some(chromium)) = (std::env::var_os("MATCHBOX_PAGE"), std::env::var_os("CHROMIUM")) else {
        println!("skipped: MATCHBOX_PAGE or CHROMIUM is not set");
        return;
    };
    let Some(server) = Server::start().await else {
        println!("skipped: MATCHBOX_SERVER names no server");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let profile = std::env::temp_dir().join(format!("inputwire-matchbox-{}", std::process::id()));
    let mut browser = Command::new(chromium)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // Nothing on a test machine resolves the names that hide addresses.
        .arg("--disable-features=WebRtcHideLocalIpsWithMdns")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("http://{address}/page.html?room=ws://127.0.0.1:{}/browser", server.port))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the browser starts");
    let result = tokio::task::spawn_blocking(move || serve(&listener, Path::new(&folder)));
    let mut native = End::enter(server.port, "browser", 4);
    until(&mut [&mut native], has_everything).await;
    // The page stays a little for the sake of this end, and this one until the page is done.
    let page = timeout(Duration::from_secs(30), async {
        let mut result = result;
        loop {
            native.turn();
            tokio::select! {
                result = &mut result => return result.unwrap(),
                () = sleep(Duration::from_millis(2)) => {}
            }
        }
    });
    let page = page.await;
    let _ = browser.kill();
    let _ = browser.wait();
    let _ = std::fs::remove_dir_all(profile);
    println!("native: delivered={}", native.seen.delivered);
    assert_eq!(page.as_deref(), Ok("pushed=600 delivered=600 wrong=0"));
}
