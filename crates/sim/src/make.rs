//! How a run makes its endpoints: plain sessions, or something that wraps them, such as a recorder.

use inputwire::{Config, Endpoint, Session};

/// An endpoint to be made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Spec {
    /// The index of the endpoint in the plan.
    pub endpoint: usize,
    /// Bytes of an input, and frames in the window.
    pub sizes: (usize, usize),
    /// The number of peers that it will have.
    pub peers: usize,
    /// The key that is also in `config`, which does not give it back.
    pub key: Option<[u8; 16]>,
    /// The settings.
    pub config: Config,
}

/// Makes the endpoints of a run.
pub trait MakeEndpoint {
    /// An endpoint of these sizes.
    type Endpoint<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>
        + 'static;

    /// Makes an endpoint. Each start of an endpoint in the plan makes a new one.
    fn make<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Self::Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>;
}

/// Makes sessions as they are.
pub(crate) struct PlainSession;

impl MakeEndpoint for PlainSession {
    type Endpoint<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> =
        Session<MAX_PEERS, INPUT_LEN, WINDOW>;

    fn make<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Session<MAX_PEERS, INPUT_LEN, WINDOW> {
        Session::new(spec.config)
    }
}
