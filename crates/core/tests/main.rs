//! Core's own tests in one binary: the matrix of the transition function, its properties, and the ledger's tables.

mod ledger_tables;
mod properties;
mod samples;
mod transition_matrix;
