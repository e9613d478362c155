# Shorter names for daily use; xtask does the work.

default:
    @just --list

# everything the merge check runs
check:
    cargo xtask ci

# all tests, or those the arguments name
test *ARGS:
    cargo xtask test {{ARGS}}

# the product
run *ARGS:
    cargo run -- {{ARGS}}
