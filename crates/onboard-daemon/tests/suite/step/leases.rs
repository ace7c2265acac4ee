//! Leases: taken, shared, waited for, freed.

use super::TWO_RUNNING;
use crate::stage::check;
use expect_test::expect;

#[test]
fn leases_are_given_with_the_place_and_freed_with_the_end() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        agent beta = manual | {"locks":["index"]}
        register
        ---
        run alpha
        & run beta
        launched r0
        gone r0 exit 0
        "#,
        expect![[r#"
            > run alpha
            > run beta
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 0}], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
              = {run: {run: 1}}
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 1}], run: 1}
              ! launch r1 g1
        "#]],
    );
}

#[test]
fn a_write_under_a_lease_that_is_over_is_refused() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"take_lease":{{"name":"file:x","ttl_ms":5000}}}}
            call r0 {{"put_state":{{"key":"k","value":"1","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            wait 6s
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            call r1 {{"take_lease":{{"name":"file:x","ttl_ms":5000}}}}
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":1}}}}}}
            call r0 {{"save_checkpoint":{{"name":"n","blob":{{"sha256":"00","bytes":2}},"under":{{"name":"file:x","token":0}}}}}}
            call r1 {{"put_state":{{"key":"k","value":"3","expect":null,"under":{{"name":"file:x","token":1}}}}}}"#
        ),
        expect![[r#"
            > call r0 {"take_lease":{"name":"file:x","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: file: x, project: 0, run: 0, token: 0}
              = {lease: {expires: +5000ms, token: 0}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:x","token":0}}}
              state_put {by: 0, key: k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > wait 6s
              … 5000 ms
              lease_released {name: file: x, project: 0, token: 0}
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is not held; this run does not hold it with 0
            > call r1 {"take_lease":{"name":"file:x","ttl_ms":5000}}
              lease_taken {expires: +11000ms, name: file: x, project: 0, run: 1, token: 1}
              = {lease: {expires: +11000ms, token: 1}}
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 0
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":1}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 1
            > call r0 {"save_checkpoint":{"name":"n","blob":{"sha256":"00","bytes":2},"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 0
            > call r1 {"put_state":{"key":"k","value":"3","expect":null,"under":{"name":"file:x","token":1}}}
              state_put {by: 1, key: k, project: 0, value: 3, version: 2}
              = {stored: {version: 2}}
        "#]],
    );
}

#[test]
fn paths_are_locked_with_what_lies_in_them_and_shared_and_waited_for() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual | {"priority":"high"}
        register
        began
        run alpha
        & run beta
        & run gamma
        launched r0
        & launched r1
        & launched r2
        ---
        call r0 {"take_lease":{"name":"file:src/","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":5000}}
        call r1 {"take_lease":{"name":"file:srcs/a.rs","ttl_ms":5000}}
        call r1 {"release_lease":{"name":"file:srcs/a.rs/"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":30000}}
        call r0 {"release_lease":{"name":"file:src"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"mode":"shared"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"mode":"shared"}}
        call r0 {"take_lease":{"name":"file:src/a.rs","ttl_ms":90000,"mode":"shared"}}
        call r0 {"take_lease":{"name":"file:docs","ttl_ms":90000,"wait_ms":1000}}
        call r1 {"take_lease":{"name":"file:docs","ttl_ms":60000,"wait_ms":1000}}
        call r1 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":1000}}
        call r1 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
        call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":4}}}
        call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
        wait 61s
        gone r0 exit 0
        call r1 {"take_lease":{"name":"file:../x","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:x","ttl_ms":60000,"wait_ms":600001}}"#,
        expect![[r#"
            > call r0 {"take_lease":{"name":"file:src/","ttl_ms":60000}}
              lease_taken {expires: +60000ms, name: file: src, project: 0, run: 0, token: 0}
              = {lease: {expires: +60000ms, token: 0}}
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":5000}}
              refused held: `file:src/a.rs` overlaps `file:src`, which is held by r0
            > call r1 {"take_lease":{"name":"file:srcs/a.rs","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: file: srcs/a.rs, project: 0, run: 1, token: 1}
              = {lease: {expires: +5000ms, token: 1}}
            > call r1 {"release_lease":{"name":"file:srcs/a.rs/"}}
              lease_released {name: file: srcs/a.rs, project: 0, token: 1}
              = done
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              lease_waited {mode: exclusive, name: file: src/a.rs, project: 0, run: 1, until: +30000ms}
              refused waits: `file:src/a.rs` overlaps `file:src`, which is held by r0; this run waits for 30 s more: ask again
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              refused waits: `file:src/a.rs` overlaps `file:src`, which is held by r0; this run waits for 30 s more: ask again
            > call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":30000}}
              lease_waited {mode: exclusive, name: file: src, project: 0, run: 2, until: +30000ms}
              refused waits: `file:src` is held by r0; this run waits for 30 s more: ask again
            > call r0 {"release_lease":{"name":"file:src"}}
              lease_released {name: file: src, project: 0, token: 0}
              = done
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              refused waits: r2 waits for `file:src` and comes first; this run waits for 30 s more: ask again
            > call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +60000ms, mode: shared, name: file: src, project: 0, run: 2, token: 2}
              = {lease: {expires: +60000ms, token: 2}}
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +60000ms, mode: shared, name: file: src/a.rs, project: 0, run: 1, token: 3}
              = {lease: {expires: +60000ms, token: 3}}
            > call r0 {"take_lease":{"name":"file:src/a.rs","ttl_ms":90000,"mode":"shared"}}
              lease_taken {expires: +90000ms, mode: shared, name: file: src/a.rs, project: 0, run: 0, token: 4}
              = {lease: {expires: +90000ms, token: 4}}
            > call r0 {"take_lease":{"name":"file:docs","ttl_ms":90000,"wait_ms":1000}}
              lease_taken {expires: +90000ms, name: file: docs, project: 0, run: 0, token: 5}
              = {lease: {expires: +90000ms, token: 5}}
            > call r1 {"take_lease":{"name":"file:docs","ttl_ms":60000,"wait_ms":1000}}
              refused order: `file:docs` is held by r0; waiting for `file:docs` while this run holds `file:src/a.rs` could last for ever: give that back first, or take leases in the order of their names
            > call r1 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":1000}}
              refused order: `file:src` is held by r2; waiting for `file:src` while this run holds `file:src/a.rs` could last for ever: give that back first, or take leases in the order of their names
            > call r1 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
              state_put {by: 1, key: k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":4}}}
              state_put {by: 0, key: k, project: 0, value: 1, version: 2}
              = {stored: {version: 2}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
              refused conflict: `file:src/a.rs` is held by r0 with token 4; this run does not hold it with 3
            > wait 61s
              … 60000 ms
              run_stopping {generation: 1, run: 0, why: deadline}
              run_stopping {generation: 1, run: 1, why: deadline}
              run_stopping {generation: 1, run: 2, why: deadline}
              lease_released {name: file: src, project: 0, token: 2}
              lease_released {name: file: src/a.rs, project: 0, token: 3}
              ! kill r0 g1 deadline
              ! kill r1 g1 deadline
              ! kill r2 g1 deadline
            > gone r0 exit 0
              violation_recorded {agent: 0, run: 0, violation: deadline 61 s after its start x1}
              run_ended {outcome: timed_out, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > call r1 {"take_lease":{"name":"file:../x","ttl_ms":60000}}
              refused bounds: `file:../x`: its path is written from the project's folder, without `.`, `..` and empty parts
            > call r1 {"take_lease":{"name":"file:x","ttl_ms":60000,"wait_ms":600001}}
              refused bounds: `wait_ms` is 0 to 600000, not 600001
        "#]],
    );
}

#[test]
fn a_lease_of_something_else_passes_no_queue() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual
        register
        began
        run alpha
        & run beta
        & run gamma
        launched r0
        & launched r1
        & launched r2
        call r0 {"take_lease":{"name":"db","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
        call r2 {"take_lease":{"name":"cache","ttl_ms":60000}}
        call r0 {"release_lease":{"name":"db"}}
        ---
        call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
        call r1 {"release_lease":{"name":"db"}}
        call r1 {"take_lease":{"name":"cache","ttl_ms":60000,"wait_ms":50000}}
        call r2 {"take_lease":{"name":"db","ttl_ms":60000}}"#,
        expect![[r#"
            > call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
              refused held: r1 waits for `db` and comes first
            > call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
              lease_taken {expires: +60000ms, name: db, project: 0, run: 1, token: 2}
              = {lease: {expires: +60000ms, token: 2}}
            > call r1 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 2}
              = done
            > call r1 {"take_lease":{"name":"cache","ttl_ms":60000,"wait_ms":50000}}
              lease_waited {mode: exclusive, name: cache, project: 0, run: 1, until: +50000ms}
              refused waits: `cache` is held by r2; this run waits for 50 s more: ask again
            > call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
              lease_taken {expires: +60000ms, name: db, project: 0, run: 2, token: 3}
              = {lease: {expires: +60000ms, token: 3}}
        "#]],
    );
}

#[test]
fn who_shares_a_lease_leaves_it_to_a_run_that_has_waited_long_for_its_place() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual | {"locks":["db"]}
        register
        began
        run alpha
        & run beta
        launched r0
        & launched r1
        call r0 {"take_lease":{"name":"db","ttl_ms":3600000,"mode":"shared"}}
        run gamma
        ---
        call r1 {"take_lease":{"name":"db","ttl_ms":1000,"mode":"shared"}}
        wait 11m
        ---
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"mode":"shared"}}
        call r1 {"take_lease":{"name":"web","ttl_ms":60000,"mode":"shared"}}
        call r0 {"release_lease":{"name":"db"}}"#,
        expect![[r#"
            > call r1 {"take_lease":{"name":"db","ttl_ms":60000,"mode":"shared"}}
              refused held: r2 waits for `db` and comes first
            > call r1 {"take_lease":{"name":"web","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +720000ms, mode: shared, name: web, project: 0, run: 1, token: 2}
              = {lease: {expires: +720000ms, token: 2}}
            > call r0 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: db, token: 3}], run: 2}
              ! launch r2 g1
              = done
        "#]],
    );
}

#[test]
fn one_run_does_not_fill_the_queue() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        began
        run alpha
        & run beta
        launched r0
        & launched r1
        call r0 {"take_lease":{"name":"file:src","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:src/a","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/b","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/c","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
        ---
        call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
        wait 21s
        call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}"#,
        expect![[r#"
            > call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
              refused limit: a run waits for at most 4 leases at once: take one of them, or let a wait end
            > call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
              refused waits: `file:src/d` overlaps `file:src`, which is held by r0; this run waits for 20 s more: ask again
            > wait 21s
              … 20000 ms
            > call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
              lease_waited {mode: exclusive, name: file: src/e, project: 0, run: 1, until: +41000ms}
              refused waits: `file:src/e` overlaps `file:src`, which is held by r0; this run waits for 20 s more: ask again
        "#]],
    );
}

#[test]
fn leases_taken_on_the_way_exclude_and_end_by_themselves() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r0 {{"take_lease":{{"name":"db","ttl_ms":9000}}}}
            call r1 {{"release_lease":{{"name":"db"}}}}
            call r0 {{"release_lease":{{"name":"db"}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":0}}}}
            wait 6s
            call r0 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            gone r0 exit 0"#
        ),
        expect![[r#"
            > call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: db, project: 0, run: 0, token: 0}
              = {lease: {expires: +5000ms, token: 0}}
            > call r1 {"take_lease":{"name":"db","ttl_ms":5000}}
              refused held: `db` is held by r0
            > call r0 {"take_lease":{"name":"db","ttl_ms":9000}}
              lease_taken {expires: +9000ms, name: db, project: 0, run: 0, token: 1}
              = {lease: {expires: +9000ms, token: 1}}
            > call r1 {"release_lease":{"name":"db"}}
              refused unknown: this run does not hold `db`
            > call r0 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 1}
              = done
            > call r1 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: db, project: 0, run: 1, token: 2}
              = {lease: {expires: +5000ms, token: 2}}
            > call r1 {"take_lease":{"name":"db","ttl_ms":0}}
              refused bounds: `ttl_ms` is 1 to 3600000, not 0
            > wait 6s
              … 5000 ms
              lease_released {name: db, project: 0, token: 2}
            > call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +11000ms, name: db, project: 0, run: 0, token: 3}
              = {lease: {expires: +11000ms, token: 3}}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        register
        run alpha
        launched r0
        ---
        call r0 {"take_lease":{"name":"index","ttl_ms":5000}}
        call r0 {"release_lease":{"name":"index"}}
        "#,
        expect![[r#"
            > call r0 {"take_lease":{"name":"index","ttl_ms":5000}}
              = {lease: {expires: +9223370269283575807ms, token: 0}}
            > call r0 {"release_lease":{"name":"index"}}
              refused held: `index` came with the run's place and is kept until it ends
        "#]],
    );
}
