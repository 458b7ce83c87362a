//! What the compact wire promises in figures, each measured over the hostile network.

mod classic;
mod cost;
mod duo;
mod flow;
mod recovery;
mod restart;
