select began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before from audit_round
