//! The server's state machine in virtual time: who is admitted, who is taken for whom, what strangers can do, and how it ends.

mod world;

use inputwire::{Event, Health, HelloError, PeerEvent};
use inputwire_udp::{LeaveReason, Limits, Refusal, ServerEvent};

use world::{KEY, MS, SECOND, World, address};

#[test]
fn a_client_joins_and_both_get_every_input() {
    let mut world = World::new(Limits::default());
    for player in 0..20 {
        world.join(player);
    }
    world.run(3 * SECOND);
    assert_eq!((world.server.len(), world.server.unproven()), (20, 0));
    for end in 0..20 {
        let client = world.client(end);
        let delivered = world.delivered(client);
        assert!(delivered > 150, "{delivered} of {}", world.ends[end].pushed);
        assert!(world.ends[end].delivered > 150);
        assert_eq!(world.server.address(client), Some(world.ends[end].address));
    }
    assert_eq!(world.server.counters().joined, 20);
    assert!(world.astray.is_empty());
}

#[test]
fn a_recorded_hello_gets_a_session_that_ends_unproven_and_nobody_hears_of_it() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let hello = world.ends[end].sent[0].clone();

    let mut later = World::new(Limits::default());
    assert_eq!(later.handle(address(9), &hello), Ok(()));
    later.run(SECOND);
    assert_eq!((later.server.len(), later.server.unproven()), (0, 1));
    later.run(5 * SECOND);
    assert_eq!((later.server.len(), later.server.unproven(), later.server.poll_timeout()), (0, 0, None));
    assert_eq!(later.events, []);
    assert_eq!(later.server.counters().unproven, 1);
}

#[test]
fn an_address_that_has_proven_nothing_is_sent_three_times_its_bytes_at_most() {
    let mut world = World::new(Limits::default());
    let hello = world::hello(|settings| settings, 3);
    assert_eq!(world.handle(address(9), &hello), Ok(()));
    world.run(4 * SECOND);
    let counters = *world.server.counters();
    assert!(counters.datagrams_sent > 0 && counters.bytes_sent <= 3 * counters.bytes_received, "{counters:?}");
}

#[test]
fn recorded_hellos_of_a_player_do_not_keep_it_out() {
    let mut world = World::new(Limits { max_unproven: 8, ..Limits::default() });
    let end = world.join(3);
    world.run(SECOND);
    let hello = world.ends[end].sent[0].clone();

    let mut later = World::new(Limits { max_unproven: 8, ..Limits::default() });
    for port in 0..100 {
        assert_eq!(later.handle(address(1_000 + port), &hello), Ok(()));
        assert!(later.server.unproven() <= 4);
    }
    let end = later.join(3);
    later.run(SECOND);
    assert_eq!(later.player_of(later.client(end)), 3);
    assert_eq!(later.server.unproven(), 0, "the others are gone as soon as one has proven itself");
}

#[test]
fn a_hello_that_cannot_play_is_refused_with_the_reason_and_gets_no_answer() {
    let mut world = World::new(Limits::default());
    world.gate = |hello, _| (hello.sender() != 5).then(|| world::settings(world::SERVER));
    let hello = world::hello(|settings| settings.key([1; 16]), 3);
    assert_eq!(
        world.handle(address(9), &hello),
        Err(Refusal::Hello(HelloError::Refused(inputwire::DatagramError::BadTag)))
    );
    let hello = world::hello(|settings| settings.first_frame(inputwire::Frame::new(2)), 3);
    assert!(matches!(world.handle(address(9), &hello), Err(Refusal::Hello(HelloError::Mismatch { .. }))));
    let hello = world::hello(|settings| settings, 5);
    assert_eq!(world.handle(address(9), &hello), Err(Refusal::Gate));
    world.gate = |_, _| Some(world::settings(world::SERVER).frame_interval(std::time::Duration::ZERO));
    let hello = world::hello(|settings| settings, 3);
    assert_eq!(world.handle(address(9), &hello), Err(Refusal::Config(inputwire::ConfigError::FrameInterval)));
    world.run(SECOND);
    assert_eq!((world.server.counters().admitted, world.server.counters().datagrams_sent), (0, 0));
    assert_eq!(world.server.counters().hellos_refused(), 4);
}

#[test]
fn no_more_clients_than_the_limit_and_a_place_is_free_again_when_one_leaves() {
    let mut world = World::new(Limits { max_clients: 3, ..Limits::default() });
    let ends: Vec<usize> = (0..5).map(|player| world.join(player)).collect();
    world.run(SECOND);
    assert_eq!(world.server.len(), 3);
    assert!(world.server.counters().hellos_refused() > 0);
    let gone = world.client(ends[0]);
    world.close_end(ends[0]);
    world.run(SECOND);
    assert_eq!(world.left(gone), Some(LeaveReason::Closed));
    assert_eq!(world.server.len(), 3);
    assert_eq!(world.server.session(gone), None, "an old id is never that of another client");
}

#[test]
fn a_player_that_is_alive_is_not_given_up_for_another_program() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let client = world.client(end);
    let second = world.join(3);
    world.run(3 * SECOND);
    assert_eq!(world.events_of(second), 0);
    assert_eq!(world.server.address(client), Some(world.ends[end].address));
    let taken = world.server.counters().refused().find(|(name, _)| *name == "taken");
    assert!(taken.is_some_and(|(_, count)| count > 3), "{taken:?}");
    // The first one dies, and the second one takes its place as soon as that shows.
    world.ends[end].is_cut = true;
    world.run(3 * SECOND);
    assert_eq!(world.left(client), Some(LeaveReason::Replaced));
    assert_eq!(world.player_of(world.client(second)), 3);
    assert_eq!(world.server.len(), 1);
}

#[test]
fn a_program_that_is_started_anew_at_its_address_joins_again() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let before = world.client(end);
    world.restart(end);
    world.run(4 * SECOND);
    assert_eq!(world.left(before), Some(LeaveReason::Restarted));
    assert_ne!(world.client(end), before);
    assert!(world.delivered(world.client(end)) > 60);
}

#[test]
fn a_silent_client_leaves() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let client = world.client(end);
    world.ends[end].is_cut = true;
    world.run(4 * SECOND);
    assert_eq!(world.left(client), None);
    world.run(2 * SECOND);
    assert_eq!(world.left(client), Some(LeaveReason::Silent));
    let health = |event: &ServerEvent<2>| matches!(event, ServerEvent::Session { event: Event::Peer { event: PeerEvent::Health { health, .. }, .. }, .. } if *health == Health::Interrupted);
    assert_eq!(world.events.iter().filter(|event| health(event)).count(), 1);
    assert_eq!((world.server.len(), world.server.poll_timeout()), (0, None));
}

#[test]
fn a_changed_address_is_taken_over_and_no_input_is_lost() {
    let mut world = World::new(Limits::default());
    let ends: Vec<usize> = (0..10).map(|player| world.join(player)).collect();
    world.run(SECOND);
    for end in ends {
        let client = world.client(end);
        world.ends[end].address = address(7_000 + u16::try_from(end).expect("small"));
        world.run(300 * MS);
        assert_eq!(world.server.address(client), Some(world.ends[end].address), "within 300 ms");
        world.run(300 * MS);
        let open = world.ends[end].pushed - world.delivered(client);
        assert!(open <= 3, "{open} inputs under way");
        assert_eq!(world.server.peer(client).map(inputwire::PeerRef::health), Some(Health::Good));
    }
    assert_eq!(world.server.counters().moved, 10);
    assert_eq!(world.server.len(), 10);
}

#[test]
fn repeated_datagrams_from_another_address_move_nobody() {
    let mut world = World::new(Limits { stranger_rate: 10_000, ..Limits::default() });
    let end = world.join(3);
    world.run(SECOND);
    let client = world.client(end);
    let recorded = world.ends[end].sent.clone();
    // While the client plays, and while it is silent.
    for is_cut in [false, true] {
        world.ends[end].is_cut = is_cut;
        world.run(300 * MS);
        for datagram in &recorded {
            let _ = world.handle(address(666), datagram);
        }
        world.run(100 * MS);
        assert_eq!(world.server.address(client), Some(world.ends[end].address));
    }
    assert!(world.server.counters().tries > 50, "they were looked at");
    assert!(world.astray.is_empty(), "nothing was sent to the other address");
    assert_eq!(world.server.counters().moved, 0);
}

#[test]
fn who_was_faster_with_a_fresh_datagram_loses_the_client_to_its_next_one() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let client = world.client(end);
    // An attacker on the path holds everything back, and lets one datagram through from an address of its own.
    world.ends[end].is_cut = true;
    world.run(200 * MS);
    let fresh = world.ends[end].sent.last().cloned().expect("one");
    assert_eq!(world.handle(address(666), &fresh), Ok(()));
    assert_eq!(world.server.address(client), Some(address(666)));
    world.ends[end].is_cut = false;
    world.run(100 * MS);
    assert_eq!(world.server.address(client), Some(world.ends[end].address));
    assert_eq!(world.server.counters().moved, 2);
    world.run(SECOND);
    assert!(world.ends[end].pushed - world.delivered(client) <= 3);
}

#[test]
fn without_a_key_no_address_is_taken_over() {
    let mut world = World::new(Limits::default());
    world.gate = |_, _| Some(world::bare_settings(world::SERVER));
    let end = world.join_with(3, world::bare_settings);
    world.run(SECOND);
    let (client, home) = (world.client(end), world.ends[end].address);
    world.ends[end].address = address(7_000);
    world.run(2 * SECOND);
    assert_eq!(world.server.address(client), Some(home));
    assert_eq!((world.server.counters().moved, world.server.counters().tries), (0, 0));
}

#[test]
fn a_flood_of_junk_costs_no_session_no_answer_and_a_bounded_number_of_tries() {
    let limits = Limits { tries_per_second: 1_000, ..Limits::default() };
    let mut world = World::new(limits);
    for player in 0..20 {
        let end = world.join(player);
        world.run(100 * MS);
        // Half of them are silent when the flood comes, which is when they are tried.
        world.ends[end].is_cut = player % 2 == 0;
    }
    world.run(300 * MS);
    let before = *world.server.counters();
    let debug = format!("{:?}", world.server).len();
    let begin = world.now;
    let mut refused = 0;
    for round in 0..1_000_u32 {
        for each in 0..100_u32 {
            let (ip, [a, b, ..]) = (round.to_be_bytes(), (round * 100 + each).to_le_bytes());
            let from = std::net::SocketAddr::from(([10, ip[2], ip[3], a], u16::from_be_bytes([b, a])));
            let junk = world.junk();
            refused += usize::from(world.handle(from, &junk).is_err());
        }
        world.run(MS);
    }
    let (after, seconds) = (*world.server.counters(), (world.now - begin) / SECOND);
    assert_eq!(refused, 100_000);
    assert!(after.tries - before.tries <= 1_000 * (seconds + 1), "{} tries", after.tries - before.tries);
    assert_eq!((after.admitted, world.server.unproven(), world.astray.len()), (20, 0, 0));
    // Nothing is kept of a stranger but one number in a table of fixed size: the whole state, as text, is about as long.
    let grown = format!("{:?}", world.server).len().saturating_sub(debug);
    assert!(grown < 4_096 * 12 + 2_000, "{grown}");
    // Those who play have not noticed.
    for end in (1..20).step_by(2) {
        let client = world.client(end);
        assert!(world.ends[end].pushed - world.delivered(client) <= 3);
    }
}

#[test]
fn clients_that_are_heard_are_not_tried_for_datagrams_of_strangers() {
    let mut world = World::new(Limits::default());
    for player in 0..20 {
        world.join(player);
    }
    world.run(SECOND);
    for port in 0..1_000 {
        let junk = world.junk();
        assert!(world.handle(address(10_000 + port), &junk).is_err());
        world.run(MS);
    }
    assert_eq!(world.server.counters().tries, 0);
}

#[test]
fn an_address_that_says_hello_all_the_time_is_looked_at_so_many_times_a_second() {
    let mut world = World::new(Limits::default());
    let hello = world::hello(|settings| settings.key([1; 16]), 3);
    let mut looked_at = 0;
    for _ in 0..5_000 {
        looked_at += u32::from(world.handle(address(9), &hello) != Err(Refusal::TooMany));
        world.run(MS);
    }
    assert!((100..=104).contains(&looked_at), "{looked_at}");
}

#[test]
fn the_end_delivers_everything_and_every_client_hears_it() {
    let mut world = World::new(Limits::default());
    let ends: Vec<usize> = (0..10).map(|player| world.join(player)).collect();
    world.run(2 * SECOND);
    // One has lost its line: nobody waits for it for more than two seconds.
    world.ends[0].is_cut = true;
    world.run(100 * MS);
    world.close();
    let begin = world.now;
    while !world.server.is_closed() {
        world.run(MS);
        assert!(world.now < begin + 2 * SECOND + 200 * MS);
    }
    world.run(100 * MS);
    for end in &ends[1..] {
        assert!(world.ends[*end].heard_goodbye);
        assert_eq!(world.ends[*end].delivered, world.pushed_to(*end));
    }
    let reasons = world.events.iter().filter(|event| matches!(event, ServerEvent::Left { .. })).count();
    assert_eq!(reasons, 10);
    assert_eq!(world.handle(address(9), &world::hello(|settings| settings, 77)), Err(Refusal::Closing));
}

#[test]
fn a_client_that_says_goodbye_leaves_after_its_last_input() {
    let mut world = World::new(Limits::default());
    let end = world.join(3);
    world.run(SECOND);
    let client = world.client(end);
    world.close_end(end);
    world.run(SECOND);
    assert_eq!(world.left(client), Some(LeaveReason::Closed));
    assert_eq!(world.delivered(client), world.ends[end].pushed);
}

#[test]
fn a_client_can_be_closed_or_removed_alone() {
    let mut world = World::new(Limits::default());
    let ends: Vec<usize> = (0..3).map(|player| world.join(player)).collect();
    world.run(SECOND);
    let clients: Vec<_> = ends.iter().map(|end| world.client(*end)).collect();
    let now = world.at();
    world.server.close_client(now, clients[0]);
    world.server.remove(clients[1]);
    world.run(SECOND);
    assert_eq!(world.left(clients[0]), Some(LeaveReason::ClosedHere));
    assert_eq!(world.left(clients[1]), Some(LeaveReason::Removed));
    assert_eq!(world.left(clients[2]), None);
    assert!(world.ends[0].heard_goodbye && !world.ends[1].heard_goodbye);
    assert_eq!(world.server.push_input(now, clients[1], [0; 2]), Err(inputwire_udp::ClientError::Gone));
}

#[test]
fn the_text_for_prometheus_has_every_counter_once_with_its_type() {
    let mut world = World::new(Limits::default());
    world.join(3);
    world.run(SECOND);
    let _ = world.handle(address(9), b"junk");
    let text = world.server.prometheus();
    assert!(text.contains("\ninputwire_udp_clients 1\n"), "{text}");
    assert!(text.contains("inputwire_udp_refused_total{reason=\"stranger\"} 1\n"), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = samples.map(|line| line.split(' ').next().expect("a name")).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        let [_, _, name, kind] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
    }
}

#[test]
fn keys_are_never_part_of_what_is_shown() {
    let mut world = World::new(Limits::default());
    world.join(3);
    world.run(SECOND);
    let shown = format!("{:?}", world.server);
    let key: Vec<String> = KEY.iter().map(u8::to_string).collect();
    assert!(!shown.contains(&key.join(", ")));
}

/// How many seeds to play: a few, or as many as `UDP_SEEDS` says.
fn seeds() -> u64 {
    std::env::var("UDP_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4)
}

#[test]
fn whatever_happens_nobody_is_taken_for_another_one_and_all_who_are_well_play_in_the_end() {
    const ENDS: usize = 8;
    for seed in 0..seeds() {
        let mut world = World::new(Limits::default());
        world.rng = inputwire_sim::rng::Rng::new(seed);
        (world.loss, world.jitter) = (world.rng.below(200).try_into().expect("small"), world.rng.below(60) * MS);
        let ends: Vec<usize> = (0..ENDS).map(|player| world.join(u16::try_from(player).expect("small"))).collect();
        for _ in 0..60 {
            world.run(250 * MS);
            let end = world.rng.index(ENDS);
            match world.rng.below(8) {
                0 => world.ends[end].is_cut = true,
                1 => world.ends[end].is_cut = false,
                2 => world.move_end(end),
                3 => world.restart(end),
                // A recorded datagram of somebody comes from elsewhere, or from the address of another client.
                4 | 5 if !world.ends[end].sent.is_empty() => {
                    let sent = world.ends[end].sent.clone();
                    let from = if world.rng.one_in(2) { address(667) } else { world.ends[ends[0]].address };
                    for _ in 0..20 {
                        let which = world.rng.index(sent.len());
                        let _ = world.handle(from, &sent[which]);
                    }
                }
                6 => {
                    let first = world.server.clients().next();
                    if let Some(client) = first {
                        world.server.remove(client);
                    }
                }
                _ => {
                    for port in 0..100 {
                        let junk = world.junk();
                        let _ = world.handle(address(10_000 + port), &junk);
                    }
                }
            }
            world.assert_one_client_a_player();
        }
        // Everything heals; whoever was removed, or is not believed any more, is started anew.
        (world.loss, world.jitter) = (0, 0);
        for end in &ends {
            world.ends[*end].is_cut = false;
        }
        world.run(6 * SECOND);
        for end in &ends {
            if !world.is_served(*end) {
                world.restart(*end);
            }
        }
        world.run(12 * SECOND);
        world.assert_one_client_a_player();
        for end in &ends {
            assert!(world.is_served(*end), "seed {seed}: player {end} is not served; {:?}", world.server.counters());
        }
        for client in world.server.clients().collect::<Vec<_>>() {
            assert!(world.delivered(client) > 0, "seed {seed}");
        }
        world.close();
        world.run(3 * SECOND);
        assert!(world.server.is_closed(), "seed {seed}");
        assert!(ends.iter().all(|end| world.is_closed(*end)), "seed {seed}");
        assert_eq!(world.server.poll_timeout(), None, "seed {seed}: nothing is left");
        assert_eq!(world.server.counters().joined, world.left_count(), "seed {seed}");
    }
}
