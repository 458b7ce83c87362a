//! A `nats-server` of our own, on loopback, with its own directory; it ends with this program.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, process, thread};

#[derive(Debug)]
pub(crate) struct Broker {
    child: Option<Child>,
    port: u16,
    directory: PathBuf,
}

impl Broker {
    /// Whether the program is installed.
    pub(crate) fn exists() -> bool {
        Command::new("nats-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }

    pub(crate) fn start() -> io::Result<Self> {
        // A port that was free a moment ago.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let directory = env::temp_dir().join(format!("spectate-{}-{port}", process::id()));
        fs::create_dir_all(&directory)?;
        let mut broker = Self { child: None, port, directory };
        broker.restart()?;
        Ok(broker)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it anew on the same port, with what is left in its directory.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let log = fs::File::create(self.directory.join("log"))?;
        let child = Command::new("nats-server")
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(self.directory.join("store"))
            .env("GOMAXPROCS", "1") // one core, so that its figures are those of one core
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        for _ in 0..100 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("nats-server does not listen within five seconds"))
    }

    /// Kills it, without a chance to write anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The processor time that it took so far; `None` where there is no `/proc`.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let id = self.child.as_ref()?.id();
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may hold spaces. Ticks are hundredths of a second on every Linux that Go supports.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(10 * ticks))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
