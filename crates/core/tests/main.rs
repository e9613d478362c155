//! Core's own tests in one binary: the matrix of the transition function, its properties, the ledger's tables,
//! the laws of the circuit breaker and the rates, and the cuts of every time zone.

mod budget;
mod cuts;
mod health;
mod ledger_tables;
mod properties;
mod samples;
mod transition_matrix;
