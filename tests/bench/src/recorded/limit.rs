//! How few bytes recorded inputs could take.

use inputwire_feed::{FeedReader, FeedWriter, Settings, pack};

/// Returns the bits of an input of these players on average, as the adaptive coder of `inputwire-feed` writes each of them alone.
///
/// The coder learns from all inputs so far. A datagram that continues where the acknowledged ones end would take as many bits for each
/// input: both ends could learn from what is acknowledged.
pub fn bits_per_input<const N: usize>(players: [&[u8]; 2]) -> f64 {
    let packed: usize = players.map(packed::<N>).into_iter().sum();
    let inputs: usize = players.iter().map(|player| player.len() / N).sum();
    (packed * 8) as f64 / inputs as f64
}

/// The bytes of a player's inputs, without the header of the feed.
fn packed<const N: usize>(player: &[u8]) -> usize {
    let len = u8::try_from(N).expect("a short input");
    let mut writer = FeedWriter::new(Settings::new(1, [0], len)).expect("valid settings");
    let header = writer.header().len();
    let mut live = writer.header().to_vec();
    for input in player.chunks_exact(N) {
        writer.push_row(writer.next_frame(), &[Some(input)]).expect("a row");
        live.extend(writer.poll_chunk().unwrap_or_default());
    }
    writer.finish();
    while let Some(chunk) = writer.poll_chunk() {
        live.extend(chunk);
    }
    let (mut reader, rest) = FeedReader::open_file(&live).expect("a feed");
    rest.expect("the whole feed");
    pack(&mut reader).len() - header
}
