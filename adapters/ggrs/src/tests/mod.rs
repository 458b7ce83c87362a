//! Whole games in virtual time, and one test for each sentence of the contract.

mod bytes;
mod contract;
mod game;
mod games;
mod leaving;
mod watching;
mod world;

#[cfg(feature = "sync-send")]
#[test]
fn with_sync_send_sessions_go_to_other_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<crate::P2PSession<game::Repeating>>();
    goes::<crate::SpectatorSession<game::Repeating>>();
    goes::<crate::SyncTestSession<game::Repeating>>();
    goes::<crate::GgrsRequest<game::Repeating>>();
}
