//! Whole games in virtual time, and one test for each sentence of the contract.

mod bytes;
mod contract;
mod game;
mod games;
mod leaving;
mod watching;
mod world;
