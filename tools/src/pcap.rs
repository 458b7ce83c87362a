//! A recording as a capture file: what the session sent and received, as UDP datagrams between made-up addresses.
//!
//! The file has the format of libpcap with microseconds and raw IPv4. Player p is 10.77.h.l, where h and l are the bytes of p. The
//! port says which wire: 26700 for compact, 26701 for classic.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use inputwire::PeerId;
use inputwire_record::{Call, FileError, Outcome, Records};

use crate::print;

const MAGIC: u32 = 0xa1b2_c3d4;
/// `LINKTYPE_RAW`: packets begin with the header of IP.
const RAW_IP: u32 = 101;
const COMPACT_PORT: u16 = 26_700;
const CLASSIC_PORT: u16 = 26_701;
const HEADERS: u16 = 28;

struct Capture {
    bytes: Vec<u8>,
    packets: usize,
}

impl Capture {
    fn new() -> Self {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        for half in [2_u16, 4] {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
        for word in [0, 0, 65_535, RAW_IP] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        Self { bytes, packets: 0 }
    }

    fn add(&mut self, micros: u64, from: u16, to: u16, port: u16, datagram: &[u8]) -> Option<()> {
        let udp_len = u16::try_from(datagram.len()).ok()?.checked_add(8)?;
        let len = udp_len.checked_add(HEADERS - 8)?;
        let words =
            [u32::try_from(micros / 1_000_000).ok()?, u32::try_from(micros % 1_000_000).ok()?, len.into(), len.into()];
        for word in words {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        let address = |player: u16| {
            let [high, low] = player.to_be_bytes();
            Ipv4Addr::new(10, 77, high, low).octets()
        };
        let mut ip = vec![0x45, 0];
        ip.extend_from_slice(&len.to_be_bytes());
        ip.extend_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
        ip.extend_from_slice(&address(from));
        ip.extend_from_slice(&address(to));
        let sum = ip.chunks(2).fold(0_u32, |sum, pair| sum + u32::from(pair[0]) * 256 + u32::from(pair[1]));
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).ok()?;
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        self.bytes.extend_from_slice(&ip);
        // Without a checksum, which UDP allows.
        for half in [port, port, udp_len, 0] {
            self.bytes.extend_from_slice(&half.to_be_bytes());
        }
        self.bytes.extend_from_slice(datagram);
        self.packets += 1;
        Some(())
    }
}

pub(crate) fn run(file: &str, to: &str) -> Result<ExitCode, String> {
    let recording = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let mut capture = Capture::new();
    let problem = fill(&mut capture, &recording).err();
    fs::write(to, &capture.bytes).map_err(|error| format!("{to}: {error}"))?;
    print(format_args!("{} datagrams", capture.packets));
    match problem {
        None => Ok(ExitCode::SUCCESS),
        Some(problem) => {
            print(format_args!("not to its end: {problem}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn fill(capture: &mut Capture, recording: &[u8]) -> Result<(), FileError> {
    let mut records = Records::open(recording)?;
    let local = records.setup().config.local_player();
    let mut peers: HashMap<PeerId, (u16, u16)> = HashMap::new();
    while let Some(step) = records.step()? {
        let micros = step.now.as_micros();
        match (step.call, &step.outcome) {
            (Call::AddPeer { player, classic, .. }, Outcome::Number(peer)) => {
                let port = if classic { CLASSIC_PORT } else { COMPACT_PORT };
                peers.insert(PeerId::new(*peer), (player, port));
            }
            (Call::HandleDatagram { from, datagram, .. }, _) => {
                if let Some((player, port)) = peers.get(&from) {
                    capture.add(micros, *player, local, *port, datagram);
                }
            }
            (_, Outcome::Datagram(to, datagram)) => {
                if let Some((player, port)) = peers.get(to) {
                    capture.add(micros, local, *player, *port, datagram);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
