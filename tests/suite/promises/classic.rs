//! The classic wire has no acknowledgement: inputs can be lost for good, but play goes on, and the loss is reported.

use inputwire::{Event, PeerConfig, PeerEvent};

use super::duo::{Duo, FRAME_US, MS, SECOND, config};
use inputwire_sim::network::Faults;

#[test]
fn an_outage_longer_than_the_window_does_not_wedge_the_classic_wire_and_the_loss_is_reported() {
    for outage_s in [1, 3, 10, 60] {
        let faults = Faults { delay_us: 40 * MS, ..Faults::default() };
        let mut duo = Duo::<1>::with(outage_s, faults, [config(0, 0), config(1, 0)], PeerConfig::<1>::classic);
        duo.endpoints.iter_mut().for_each(|endpoint| endpoint.play = |_, _, frame| [frame.to_le_bytes()[0]]);
        duo.run_until(2 * SECOND);
        let back = (2 + outage_s) * SECOND;
        duo.network.cut(0, 1, back);
        duo.network.cut(1, 0, back);
        duo.run_until(back + 4 * SECOND);
        for endpoint in &duo.endpoints {
            let first = endpoint.delivered.iter().find(|(at, ..)| *at >= back).expect("play goes on");
            assert!(first.0 <= back + 40 * MS + 2 * FRAME_US, "{outage_s} s: delivered {} us after", first.0 - back);
            assert!(endpoint.delivered.iter().all(|(_, frame, input)| input[0] == frame.get().to_le_bytes()[0]));
            let lost: u32 = endpoint
                .events
                .iter()
                .map(|(_, event)| match event {
                    Event::Peer { event: PeerEvent::Lost { count, .. }, .. } => *count,
                    _ => 0,
                })
                .sum();
            let newest = endpoint.delivered.iter().map(|(_, frame, _)| frame.get() + 1).max().expect("delivered");
            let missing = newest - u32::try_from(endpoint.delivered.len()).expect("few");
            assert_eq!(lost, missing, "{outage_s} s: reported as lost, and never delivered");
            assert_eq!(lost > 0, outage_s > 2, "{outage_s} s: {lost} lost");
        }
    }
}
