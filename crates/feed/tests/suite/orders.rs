//! Chunks in random orders, with loss and duplication: rows are right, or exactly the missing ones are told.

use std::collections::BTreeSet;

use inputwire::{Epoch, Frame};
use inputwire_feed::{FeedReader, Follows, Gap, Inserted};
use inputwire_sim::rng::Rng;

use crate::support::{Known, Match, parse, play, take};

/// What a reader that has these chunks can know, without cleverness: sets of frames.
struct Model<'m> {
    played: &'m Match,
    present: Vec<bool>,
}

impl Model<'_> {
    fn epochs(&self) -> Vec<u32> {
        let all = self.played.chunks.iter().map(|chunk| parse(&self.played.header, chunk).epoch().get());
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn held(&self, epoch: u32) -> impl Iterator<Item = inputwire_feed::Chunk<'_>> {
        let chunks = self.played.chunks.iter().zip(&self.present).filter(|(_, present)| **present);
        chunks.map(|(chunk, _)| parse(&self.played.header, chunk)).filter(move |chunk| chunk.epoch().get() == epoch)
    }

    /// The rows up to the first missing one, and the missing ones.
    fn expected(&self, first_frame: u32) -> (Vec<Known>, Vec<Gap>, bool) {
        let (mut rows, mut gaps) = (Vec::new(), Vec::new());
        let epochs = self.epochs();
        let known: Vec<_> = epochs.iter().copied().filter(|epoch| self.held(*epoch).next().is_some()).collect();
        let last_known = known.last().copied().unwrap_or(0);
        let mut complete = false;
        for (at, epoch) in epochs.iter().copied().enumerate() {
            let frames: BTreeSet<u32> = self.held(epoch).flat_map(|chunk| chunk.frames()).collect();
            let end = self.held(epoch).find(|chunk| chunk.follows() != Follows::Rows);
            let declared = end.as_ref().map(|end| end.frames().end);
            let known_end = declared.unwrap_or_else(|| frames.last().map_or(first_frame, |last| last + 1));
            let mut first_gap = None;
            for frame in first_frame..known_end {
                match (frames.contains(&frame), first_gap) {
                    (false, None) => first_gap = Some(frame),
                    (true, Some(first)) => {
                        gaps.push(gap(epoch, first, Some(frame)));
                        first_gap = None;
                    }
                    _ => {}
                }
                if gaps.is_empty() && first_gap.is_none() {
                    rows.extend(self.played.rows.iter().find(|row| (row.epoch, row.frame) == (epoch, frame)).cloned());
                }
            }
            if let Some(first) = first_gap {
                gaps.push(gap(epoch, first, Some(known_end)));
            }
            match end.map(|end| end.follows()) {
                Some(Follows::Epoch(next)) => assert_eq!(epochs.get(at + 1), Some(&next.get())),
                Some(Follows::Nothing) => complete = gaps.is_empty(),
                _ if last_known > epoch => {
                    gaps.push(gap(epoch, known_end, None));
                    // Epochs of which nothing is known cannot be told.
                    if !known.contains(&epochs[at + 1]) {
                        return self.skip_unknown(epoch, first_frame, rows, gaps);
                    }
                }
                _ => break,
            }
        }
        (rows, gaps, complete)
    }

    /// As if the unknown epochs did not exist.
    fn skip_unknown(
        &self,
        after: u32,
        first_frame: u32,
        rows: Vec<Known>,
        mut gaps: Vec<Gap>,
    ) -> (Vec<Known>, Vec<Gap>, bool) {
        let later = self.epochs().into_iter().filter(|epoch| *epoch > after && self.held(*epoch).next().is_some());
        let first = later.min().expect("a later epoch");
        let mut rest = self.played.clone();
        let chunks = self.played.chunks.iter().zip(&self.present);
        let kept: Vec<_> =
            chunks.filter(|(chunk, _)| parse(&self.played.header, chunk).epoch().get() >= first).collect();
        rest.chunks = kept.iter().map(|(chunk, _)| (*chunk).clone()).collect();
        let present = kept.iter().map(|(_, present)| **present).collect();
        gaps.extend(Model { played: &rest, present }.expected(first_frame).1);
        (rows, gaps, false)
    }
}

fn gap(epoch: u32, first: u32, end: Option<u32>) -> Gap {
    Gap { epoch: Epoch::new(epoch), first: Frame::new(first), end: end.map(Frame::new) }
}

/// One order of the chunks of a match.
fn check(played: &Match, rng: &mut Rng) {
    let mut order: Vec<usize> = (0..played.chunks.len()).collect();
    let loss = [0, 0, 50, 500][rng.index(4)];
    let mut present: Vec<bool> = order.iter().map(|_| !rng.chance(loss)).collect();
    order.retain(|at| present[*at]);
    for _ in 0..rng.below(10) {
        order.extend(order.get(rng.index(order.len().max(1))).copied());
    }
    for at in (1..order.len()).rev() {
        order.swap(at, rng.index(at + 1));
    }
    let mut reader = FeedReader::open(&played.header).expect("a header");
    let first_frame = reader.position().1.get();
    let mut rows = Vec::new();
    for at in &order {
        reader.insert(&played.chunks[*at]).expect("a good chunk");
        if rng.one_in(3) {
            rows.extend(take(&mut reader));
        }
    }
    rows.extend(take(&mut reader));
    let (known, gaps, complete) = Model { played, present: present.clone() }.expected(first_frame);
    assert_eq!(rows, known);
    assert_eq!((reader.missing(), reader.is_complete()), (gaps, complete));

    // What was lost comes after all.
    for (at, present) in present.iter_mut().enumerate() {
        if !std::mem::replace(present, true) {
            reader.insert(&played.chunks[at]).expect("a good chunk");
        }
    }
    rows.extend(take(&mut reader));
    assert_eq!(rows, played.rows);
    assert!(reader.is_complete() && reader.missing().is_empty());
    for chunk in &played.chunks {
        assert_eq!(reader.insert(chunk), Ok(Inserted::Known));
    }
}

#[test]
fn rows_are_right_or_missing_in_every_order_of_chunks() {
    let orders: u64 = std::env::var("FEED_ORDERS").map_or(300, |count| count.parse().expect("a number"));
    // Ten orders of each match.
    for seed in 0..orders.div_ceil(10) {
        let played = play(seed);
        let mut rng = Rng::new(!seed);
        for _ in 0..10 {
            check(&played, &mut rng);
        }
    }
}
