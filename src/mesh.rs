//! A mesh: all peers of an endpoint together, when one of them leaves (PROTOCOL 3.12).
//!
//! Whoever is named holds the send window of everybody who named it, so what one survivor has of it is still within reach of the
//! others. Words say how much that is; the greatest end wins, and whoever has more sends it.

use heapless::VecView;

use crate::config::{MAX_DATAGRAM_SIZE, PeerSettings, Wire};
use crate::departure::NamedBy;
use crate::error::{AddPeerError, DatagramError};
use crate::link::compact::inputs;
use crate::local::Local;
use crate::num::count;
use crate::peer::Peer;
use crate::window::recv::RecvView;
use crate::wire::compact::control::BYE;
use crate::wire::compact::tag::whole_len;
use crate::wire::compact::word::{self, Flags, Leaver, MAX_NAMED, Repair, WORD, Word, emit_word};

/// Whether a datagram may change who takes part.
pub(crate) fn concerns(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(&(BYE | WORD)))
}

/// What a word or a goodbye meant for this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Member,
    /// The sender has named this endpoint.
    Dropped,
}

/// Whether a peer can be added beside the others.
pub(crate) fn validate_add(local: &Local, peers: &VecView<Peer>, settings: &PeerSettings) -> Result<(), AddPeerError> {
    if peers.iter().any(|peer| peer.remote.standing.is_departed()) {
        return Err(AddPeerError::Departed);
    }
    if settings.wire == Wire::Classic || !local.config.mesh() || peers.capacity() < 2 {
        return Ok(());
    }
    if count(peers.iter().filter(|peer| peer.is_compact())) >= MAX_NAMED {
        return Err(AddPeerError::MeshTooLarge);
    }
    if local.former.may_be_named(settings.player, settings.from) {
        return Err(AddPeerError::EpochRunning);
    }
    let is_keyed = settings.key.is_some() || local.config.is_keyed();
    let longest = word::longest(whole_len(is_keyed), peers.capacity(), local.send.input_len());
    if longest > local.config.max_datagram_size() { Err(AddPeerError::MaxDatagramSize) } else { Ok(()) }
}

/// Notes that the last peer was just added: while another leaves, it may be too late to get what it lacks.
pub(crate) fn added(local: &Local, peers: &mut [Peer]) {
    let Some((joiner, others)) = peers.split_last_mut() else { return };
    let from = joiner.remote.standing.join_frame();
    if others.iter().any(|peer| peer.is_in_set(local) && peer.end() < from) {
        joiner.remote.name(NamedBy::Itself);
    }
    reopen(local, peers);
}

/// Notes that a peer was removed. If it played on, fewer stay, and the survivors agree on that anew.
pub(crate) fn removed(local: &mut Local, peers: &mut [Peer], peer: &Peer) {
    if peer.is_in_set(local) && !peers.is_empty() {
        local.former.note(peer.player(), peer.end());
    }
    if !peer.remote.standing.is_present() && peers.iter().any(|peer| peer.is_in_set(local)) {
        complete(local, peers);
    } else {
        reopen(local, peers);
    }
}

/// Takes no more of a peer. Names nobody twice, and nobody once the session is closed.
pub(crate) fn name(local: &Local, peers: &mut [Peer], at: usize, by: NamedBy) {
    let may_name = |peer: &&mut Peer| peer.remote.standing.is_present() && local.closed_at.is_none();
    let Some(peer) = peers.get_mut(at).filter(may_name) else { return };
    peer.remote.name(by);
    let end = peer.end();
    if peer.is_in_set(local) {
        // Nobody could give a peer the frames before it joined.
        let by = if by == NamedBy::Local { NamedBy::Itself } else { by };
        for peer in &mut *peers {
            if peer.remote.standing.is_present() && peer.remote.standing.join_frame() > end {
                peer.remote.name(by);
            }
        }
        reopen(local, peers);
    } else {
        complete(local, peers);
    }
}

/// Opens all that was agreed; what was not in question departs.
pub(crate) fn reopen(local: &Local, peers: &mut [Peer]) {
    let active_at = peers.iter().any(|peer| peer.is_in_set(local)).then_some(local.now);
    for peer in &mut *peers {
        let end = peer.end();
        peer.remote.standing.reopen(active_at, end);
    }
    complete(local, peers);
}

/// Lets the named peers depart if every survivor agrees. Those that nobody has to agree on depart at once.
fn complete(local: &Local, peers: &mut [Peer]) {
    let agreed = peers.iter().all(|peer| {
        let standing = &peer.remote.standing;
        if standing.is_present() {
            standing.agreed || !peer.is_compact()
        } else {
            standing.is_departed() || standing.goal == peer.end() || !peer.is_in_set(local)
        }
    });
    for peer in peers {
        if agreed || !peer.is_in_set(local) {
            peer.remote.standing.depart();
        }
    }
}

/// Whether all who were named have departed, every survivor knows what this endpoint knows, and none waits for a word.
pub(crate) fn is_settled(peers: &[Peer]) -> bool {
    peers.iter().all(|peer| {
        let standing = &peer.remote.standing;
        if standing.is_present() {
            standing.active_at().is_none() || standing.is_settled() && !standing.owed || !peer.is_compact()
        } else {
            standing.is_departed()
        }
    })
}

/// Handles a datagram that may change who takes part; `slots` are those of all peers.
pub(crate) fn handle_datagram(
    local: &Local,
    peers: &mut [Peer],
    slots: &mut [u8],
    at: usize,
    datagram: &[u8],
) -> Result<Outcome, DatagramError> {
    let is_word = datagram.first() == Some(&WORD) && peers.get(at).is_some_and(Peer::is_compact);
    if is_word {
        let outcome = handle_word(local, peers, slots, at, datagram);
        if let Some(peer) = peers.get_mut(at) {
            peer.count(datagram, outcome.as_ref().err());
        }
        return outcome;
    }
    let peer = peers.get_mut(at).ok_or(DatagramError::UnknownPeer)?;
    let place = peer.slots_range(at);
    peer.handle_datagram(local, slots.get_mut(place).unwrap_or_default(), datagram)?;
    if let Some(bye) = peer.keyed_bye().filter(|_| peer.remote.standing.is_present()) {
        let is_last = bye.epoch == local.epoch() && bye.end == peer.end();
        name(local, peers, at, NamedBy::Itself);
        if is_last && let Some(peer) = peers.get_mut(at) {
            // It says itself that nobody can have more.
            peer.remote.standing.depart();
        }
    }
    Ok(Outcome::Member)
}

/// Validates a word, then applies it.
fn handle_word(
    local: &Local,
    peers: &mut [Peer],
    slots: &mut [u8],
    at: usize,
    datagram: &[u8],
) -> Result<Outcome, DatagramError> {
    let (word, carried) = validate_word(local, peers, at, datagram)?;
    if local.closed_at.is_some() {
        return Ok(Outcome::Member);
    }
    Ok(apply_word(local, peers, slots, at, &word, carried))
}

/// The word of the peer at `at`, and the inputs in it. Of one that tells too much of who left, `OutOfSync` is to be reported.
fn validate_word<'a>(
    local: &Local,
    peers: &mut [Peer],
    at: usize,
    datagram: &'a [u8],
) -> Result<(Word<'a>, Option<word::Inputs<'a>>), DatagramError> {
    if datagram.len() > MAX_DATAGRAM_SIZE {
        return Err(DatagramError::TooLong);
    }
    if !local.config.mesh() {
        return Err(DatagramError::NoMesh);
    }
    let sender = peers.get(at).ok_or(DatagramError::UnknownPeer)?;
    let word = sender.open_word(datagram)?;
    let ends = [local.config.local_player(), sender.player()];
    let standing = &sender.remote.standing;
    let (joined, is_survivor) = (standing.join_frame(), standing.is_present());
    for leaver in word.leavers() {
        if ends.contains(&leaver.player) {
            return Err(DatagramError::WrongPlayer);
        }
        if let Some(peer) = find(peers, leaver).and_then(|at| peers.get(at))
            && (leaver.end > peer.end().max(joined).saturating_add(local.window())
                || peer.remote.standing.differs(leaver.source))
        {
            // Not even together could the survivors still give all that one of them has, or they have inputs of two runs.
            if let Some(sender) = peers.get_mut(at).filter(|_| is_survivor) {
                sender.out_of_sync();
            }
            return Err(DatagramError::OutOfSync);
        }
    }
    let carried = word.inputs(local.window(), local.send.input_len())?;
    Ok((word, carried))
}

/// Applies a word, and the inputs in it.
fn apply_word(
    local: &Local,
    peers: &mut [Peer],
    slots: &mut [u8],
    at: usize,
    word: &Word<'_>,
    carried: Option<word::Inputs<'_>>,
) -> Outcome {
    let Some(sender) = peers.get_mut(at) else { return Outcome::Member };
    if !sender.remote.standing.is_present() {
        sender.remote.standing.owed |= !word.is_farewell();
        return Outcome::Member;
    }
    let by = NamedBy::Survivor(sender.id);
    if word.is_farewell() {
        return Outcome::Dropped;
    }
    for leaver in word.leavers() {
        if let Some(named) = find(peers, leaver) {
            name(local, peers, named, by);
        }
    }
    if peers.get(at).is_none_or(|sender| !sender.remote.standing.is_present()) {
        return Outcome::Member;
    }
    if let Some(carried) = carried
        && let Some(at) = find(peers, carried.leaver)
        && let Some(peer) = peers.get_mut(at).filter(|peer| peer.remote.standing.is_departing())
        && let Some(slots) = slots.get_mut(peer.slots_range(at))
    {
        inputs::append(&mut RecvView { window: &mut peer.recv, slots }, carried.base, carried.count, carried.body);
    }
    let (mut mentioned, mut lacks) = (word.stays().len(), None);
    for leaver in word.leavers() {
        if let Some(peer) = find(peers, leaver).and_then(|at| peers.get_mut(at)) {
            mentioned = mentioned.saturating_add(1);
            let standing = &mut peer.remote.standing;
            standing.goal = standing.goal.max(leaver.end);
            if standing.source == 0 {
                standing.source = leaver.source;
            }
            if leaver.end < peer.end() && lacks.is_none() {
                lacks = Some(leaver);
            }
        }
    }
    // Whoever stays with only one of the two may have inputs that the other one lacks. In place of the sender, its word lists this
    // endpoint.
    let stays_here = |player| player == local.config.local_player() || stays(peers).any(|other| other == player);
    let is_same_game =
        mentioned == count(peers.iter().filter(|peer| peer.is_compact())) && word.stays().all(stays_here);
    if let Some(sender) = peers.get_mut(at) {
        let standing = &mut sender.remote.standing;
        if is_same_game {
            standing.agreed = true;
            standing.acked |= word.flags.have;
            standing.lacks = lacks;
        }
        standing.owed |= word.flags.reply;
        standing.word_taken(local.now);
    }
    complete(local, peers);
    Outcome::Member
}

/// Writes the word that is due to the peer at `at`; `slots` are those of all peers.
pub(crate) fn poll_word(local: &Local, peers: &mut [Peer], slots: &[u8], at: usize, buf: &mut [u8]) -> Option<usize> {
    let peer = peers.get(at)?;
    peer.word_due(local).filter(|due| *due <= local.now)?;
    let standing = &peer.remote.standing;
    // A named peer is told just that.
    let is_survivor = standing.is_present();
    let flags = Flags { have: standing.agreed, reply: is_survivor && !standing.is_settled() };
    let repair = standing.lacks.and_then(|lacks| repair(local, peers, slots, lacks));
    let leavers = leavers(local, peers).filter(|_| is_survivor);
    let stays = stays(peers).filter(|_| is_survivor);
    let len = emit_word(buf, local.config.max_datagram_size(), &peer.word_tag()?, flags, leavers, stays, repair)?;
    let peer = peers.get_mut(at)?;
    peer.remote.standing.word_sent(local.now);
    peer.remote.totals.send(len);
    Some(len)
}

/// The inputs of a named player that a survivor lacks, as far as they are held.
fn repair<'s>(
    local: &Local,
    peers: &'s [Peer],
    slots: &'s [u8],
    lacks: Leaver,
) -> Option<Repair<impl Iterator<Item = &'s [u8]>>> {
    let at = find(peers, lacks)?;
    let peer = peers.get(at)?;
    let slots = slots.get(peer.slots_range(at))?;
    peer.recv.input(slots, lacks.end)?;
    let index = count(peers.iter().filter(|peer| peer.is_in_set(local) && peer.player() < lacks.player));
    let inputs = (lacks.end..peer.end()).map_while(|frame| peer.recv.input(slots, frame));
    Some(Repair { index: u8::try_from(index).ok()?, base: lacks.end, inputs })
}

/// The named players, ascending, with how much of each is known.
fn leavers(local: &Local, peers: &[Peer]) -> impl Iterator<Item = Leaver> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let later = peers.iter().filter(|peer| peer.is_in_set(local) && u32::from(peer.player()) >= next);
        let peer = later.min_by_key(|peer| peer.player())?;
        next = u32::from(peer.player()).saturating_add(1);
        // A departure is final: one that lied about its end to others is given up beyond it, without a word about that.
        let standing = &peer.remote.standing;
        let end = if standing.is_departed() { standing.goal.max(peer.end()) } else { peer.end() };
        Some(Leaver { player: peer.player(), source: standing.source, end })
    })
}

/// The players that have not left.
fn stays(peers: &[Peer]) -> impl Iterator<Item = u16> {
    let stays = |peer: &&Peer| peer.remote.standing.is_present() && peer.is_compact();
    peers.iter().filter(stays).map(Peer::player)
}

/// The peer on the compact wire that an entry of a word means. One that ends before the peer joined means an earlier run of it.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn find(peers: &[Peer], leaver: Leaver) -> Option<usize> {
    let means = |peer: &Peer| {
        peer.player() == leaver.player && peer.is_compact() && leaver.end >= peer.remote.standing.join_frame()
    };
    peers.iter().position(means)
}
