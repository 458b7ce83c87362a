//! Rows from sessions: the same at every player.

use inputwire::{Config, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};
use inputwire_feed::{FeedReader, FeedWriter, Settings, Tap, TapError};
use inputwire_sim::rng::Rng;

use crate::support::{chunks, take};

const PLAYERS: u16 = 3;

struct End {
    session: Session<2, 1>,
    tap: Tap,
    writer: FeedWriter,
    chunks: Vec<Vec<u8>>,
}

impl End {
    fn new(player: u16) -> Self {
        let incarnation = 0x5eed_0000_0000 + u64::from(player);
        let config = Config::builder().session_id(7).local_player(player).incarnation(incarnation);
        let config = config.build().expect("settings");
        let mut session = Session::new(config);
        for other in (0..PLAYERS).filter(|other| *other != player) {
            session.add_peer(Instant::ORIGIN, PeerConfig::compact(other)).expect("a peer");
        }
        let settings = Settings::of_session(session.config(), 0..PLAYERS, 1).chunk_rows(20).checksum_every(40);
        let writer = FeedWriter::new(settings).expect("settings");
        Self { session, tap: Tap::new(&writer), writer, chunks: Vec::new() }
    }

    fn follow(&mut self) {
        self.tap.follow(&self.session, &mut self.writer).expect("rows");
        while let Some(due) = self.writer.due_checksum().filter(|due| *due < self.writer.next_frame()) {
            self.writer.push_checksum(due, u64::from(due.get())).expect("due");
        }
        self.chunks.extend(chunks(&mut self.writer));
    }
}

/// Sends what each end has to send, and loses a part of it.
fn exchange(ends: &mut [End], now: Instant, rng: &mut Rng) {
    let players: Vec<u16> = ends.iter().map(|end| end.session.config().local_player()).collect();
    for at in 0..ends.len() {
        ends[at].session.handle_timeout(now);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = ends[at].session.poll_transmit(&mut buf) {
            let (to, datagram) = (transmit.peer, transmit.datagram.to_vec());
            let to = ends[at].session.peer(to).expect("a peer").player();
            let Some(place) = players.iter().position(|player| *player == to) else { continue };
            if !rng.chance(200) {
                let from = ends[place].session.peer_of(players[at]);
                let _ = from.map(|from| ends[place].session.handle_datagram(now, from, &datagram));
            }
        }
    }
}

fn play(ends: &mut [End], now: &mut Instant, frames: u32, rng: &mut Rng) {
    for _ in 0..frames {
        for end in &mut *ends {
            let input = rng.next().to_le_bytes()[0] & 3;
            let _ = end.session.push_input(*now, [input]);
        }
        for _ in 0..2 {
            exchange(ends, *now, rng);
        }
        for end in &mut *ends {
            while let Some(event) = end.session.poll_event() {
                assert!(matches!(event, Event::Input { .. } | Event::Peer { .. } | Event::LocalStall { .. }));
            }
            end.follow();
        }
        *now = Instant::from_micros(now.as_micros() + 16_667);
    }
}

#[test]
fn every_player_writes_the_same_chunks_through_loss_a_departure_and_a_new_epoch() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut now = Instant::ORIGIN;
        let mut ends: Vec<End> = (0..PLAYERS).map(End::new).collect();
        play(&mut ends, &mut now, 300, &mut rng);

        // The last player stops, and departs when the others have all of its inputs.
        for _ in 0..100 {
            now = Instant::from_micros(now.as_micros() + 16_667);
            exchange(&mut ends, now, &mut rng);
            for end in &mut ends {
                while end.session.poll_event().is_some() {}
                end.follow();
            }
        }
        let gone = ends.pop().expect("a player");
        let last = |end: &End| end.session.peer_of(2).and_then(|peer| end.session.peer(peer)?.last_frame());
        let have = last(&ends[0]).expect("inputs");
        for end in &mut ends {
            assert_eq!((last(end), end.writer.next_frame().get()), (Some(have), have.get() + 1), "seed {seed}");
            end.tap.depart(2, Epoch::new(0), Some(have));
            let peer = end.session.peer_of(2).expect("a peer");
            end.session.remove_peer(now, peer);
        }
        play(&mut ends, &mut now, 100, &mut rng);
        for end in &mut ends {
            end.session.begin_epoch(now, Epoch::new(1)).expect("a later epoch");
        }
        play(&mut ends, &mut now, 100, &mut rng);

        let [one, other] = &ends[..] else { panic!("two survivors") };
        let (one_chunks, other_chunks) = (&one.chunks, &other.chunks);
        let epoch_0 = |chunks: &[Vec<u8>]| {
            chunks.iter().filter(|chunk| chunk[1] == 0 && chunk[0] == 1).cloned().collect::<Vec<_>>()
        };
        let (a, b) = (epoch_0(one_chunks), epoch_0(other_chunks));
        assert_eq!(a[..a.len().min(b.len())], b[..a.len().min(b.len())], "seed {seed}");
        assert!(a.len().min(b.len()) >= 18, "seed {seed}: {} {}", a.len(), b.len());
        assert!(gone.chunks.len() >= 13 && gone.chunks.iter().all(|chunk| one_chunks.contains(chunk)), "seed {seed}");

        let mut reader = FeedReader::open(one.writer.header()).expect("a header");
        for chunk in one_chunks.iter().chain(other_chunks).chain(&gone.chunks) {
            reader.insert(chunk).expect("publishers that agree");
        }
        let rows = take(&mut reader);
        let playing = |row: &&crate::support::Known| row.epoch == 0 && row.inputs[2].is_some();
        assert_eq!(rows.iter().rfind(playing).map(|row| row.frame), Some(have.get()), "seed {seed}");
        assert!(rows.iter().any(|row| row.epoch == 1 && row.inputs[2].is_none()));
    }
}

#[test]
fn a_player_that_joins_late_is_absent_before_its_first_frame() {
    let mut end = End::new(0);
    end.tap.depart(1, Epoch::new(0), None);
    end.session.remove_peer(Instant::ORIGIN, PeerId::new(0));
    end.tap.join(2, Epoch::new(0), Frame::new(30));
    for input in 0..40 {
        end.session.push_input(Instant::ORIGIN, [input]).expect("room in the window");
        end.follow();
    }
    // From then on, its inputs are waited for.
    assert_eq!(end.writer.next_frame(), Frame::new(30));
    let mut reader = FeedReader::open(end.writer.header()).expect("a header");
    for chunk in end.chunks.iter().chain(end.writer.partial_chunk().as_ref()) {
        reader.insert(chunk).expect("a chunk");
    }
    let rows = take(&mut reader);
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().all(|row| row.inputs[0].is_some() && row.inputs[1..] == [None, None]));
}

#[test]
fn a_peer_that_is_removed_without_its_last_frame_stops_the_tap() {
    let mut end = End::new(0);
    end.follow();
    end.session.remove_peer(Instant::ORIGIN, PeerId::new(1));
    let gone = Err(TapError::Gone { player: 2 });
    end.session.remove_peer(Instant::ORIGIN, PeerId::new(0));
    end.tap.depart(1, Epoch::new(0), None);
    end.session.push_input(Instant::ORIGIN, [1]).expect("nobody to wait for");
    assert_eq!(end.tap.follow(&end.session, &mut end.writer), gone);
    end.tap.depart(2, Epoch::new(0), None);
    assert_eq!(end.tap.follow(&end.session, &mut end.writer), Ok(1));
}

#[test]
fn a_tap_that_is_called_too_late_says_what_was_lost() {
    let mut end = End::new(0);
    for peer in [0, 1] {
        end.session.remove_peer(Instant::ORIGIN, PeerId::new(peer));
    }
    for _ in 0..200 {
        end.session.push_input(Instant::ORIGIN, [1]).expect("nobody to wait for");
    }
    let lost = TapError::Lost { player: 0, frame: Frame::new(0) };
    assert_eq!(end.tap.follow(&end.session, &mut end.writer), Err(lost));
}
