//! A short jam of a narrow link passes: what was offered while it lasted is not offered for ever.

use inputwire_sim::inputs::Inputs;
use inputwire_sim::jam;

const PADS: [&[u8]; 2] = [include_bytes!("../traces/melee-v2.8.p0"), include_bytes!("../traces/melee-v2.8.p1")];
/// The rates of links in kbit/s with the prediction limit of the game: the less a game can hold back itself, the more it offers.
const LINKS: [(u64, Option<u32>); 6] = [(40, Some(8)), (48, None), (64, None), (96, None), (128, None), (192, None)];
/// How long after a jam of 3 s everything is as before.
const HEALED_US: u64 = 10_000_000;

#[test]
fn ten_seconds_after_a_jam_ages_are_as_before_and_no_push_is_refused_any_more() {
    let mut late = Vec::new();
    for (kbit, limit) in LINKS {
        let walk = jam::play(kbit, limit, [1, 2].map(|seed| Inputs::<4>::walk(seed, 3)));
        let pads = jam::play(kbit, limit, PADS.map(Inputs::<8>::recorded));
        for (inputs, healing) in [("walk", walk), ("pads", pads)] {
            if healing.healed_us.is_none_or(|us| us > HEALED_US) {
                late.push((kbit, inputs, healing));
            }
        }
    }
    assert!(late.is_empty(), "{late:#?}");
}

#[test]
fn a_jam_of_a_link_with_a_quarter_to_spare_always_passes_whatever_is_pressed() {
    let noise = || [1, 2].map(Inputs::<4>::noise);
    let need = jam::need(noise());
    for kbit in [40, 96, 256].into_iter().filter(|kbit| kbit * 3_000 >= need * 4) {
        for limit in [None, Some(8), Some(20)] {
            let healing = jam::play(kbit, limit, noise());
            assert!(healing.healed_us.is_some(), "{kbit} kbit/s, {limit:?}: {healing:?}");
        }
    }
}
