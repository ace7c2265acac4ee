//! Scenarios: what is decided, turn by turn.

use super::script::check;
use expect_test::expect;

#[test]
fn started_runs_once_then_by_schedule() {
    check(
        "agent a = daily at 10:00 | takes=5m
         09:00 start a
         09:01 start a
         1d11:00",
        expect![[r#"
            09:00 a due 10:00, a r0 queued started, r0 placed
            09:05 r0 succeeded
            10:00 a r1 queued for 10:00, a due 1d10:00, r1 placed
            10:05 r1 succeeded
            1d10:00 a r2 queued for 1d10:00, a due 2d10:00, r2 placed
            1d10:05 r2 succeeded
        "#]],
    );
}

#[test]
fn manual_and_event_schedules_wait_for_no_time() {
    check(
        "agent a = manual
         agent b = on event build.failed
         agent c = events | wakes=build
         09:00 start a b c
         09:00 run a
         09:01 end b ok
         09:01 end c ok
         09:10 emit a build.failed
         09:11 emit a build.failed
         09:12 emit a builder
         09:20 end a ok",
        expect![[r#"
            09:00 b r0 queued started, r0 placed
            09:00 c r1 queued started, r1 placed
            09:00 a r2 queued by hand, r2 placed
            09:01 r0 succeeded
            09:01 r1 succeeded
            09:10 b r3 queued on build.failed not before 09:10:05, c r4 queued on build.failed not before 09:10:05
            09:10:05 r3 placed, r4 placed
            09:11 b r5 queued on build.failed not before 09:11:05, c r6 queued on build.failed not before 09:11:05
            09:20 r2 succeeded
        "#]],
    );
}

#[test]
fn run_by_hand_of_a_stopped_agent() {
    check(
        "agent a = daily at 10:00
         09:00 run a
         09:01 run a
         09:02 end a ok
         09:03 end a ok
         12:00",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:01 a r1 queued by hand
            09:02 r0 succeeded, r1 placed
            09:03 r1 succeeded
        "#]],
    );
}

#[test]
fn missed_slots_by_policy() {
    check(
        "agent a = 0 * * * * | missed=skip takes=1m
         agent b = 0 * * * * | missed=once takes=1m
         agent c = 0 * * * * | missed=2 takes=1m
         agent d = 0 * * * * | missed=once reads=git takes=1m
         09:30 start a b c d
         09:40
         14:30 up
         15:01",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:30 b due 10:00, b r1 queued started, r1 placed
            09:30 c due 10:00, c r2 queued started, r2 placed
            09:30 d due 10:00, d r3 queued started, r3 placed
            09:31 r0 succeeded
            09:31 r1 succeeded
            09:31 r2 succeeded
            09:31 r3 succeeded
            14:30 a passed 14:00 5x missed due 15:00, b passed 13:00 4x missed due 15:00, b r4 queued for 14:00 catching up 5, c passed 12:00 3x missed due 15:00, c r5 queued for 13:00 catching up 1, c r6 queued for 14:00 catching up 1, d passed 14:00 5x nothing changed due 15:00, r4 placed, r5 placed
            14:31 r4 succeeded
            14:31 r5 succeeded, r6 placed
            14:32 r6 succeeded
            15:00 a r7 queued for 15:00, a due 16:00, b r8 queued for 15:00, b due 16:00, c r9 queued for 15:00, c due 16:00, d passed 15:00 nothing changed due 16:00, r7 placed, r8 placed, r9 placed
            15:01 r7 succeeded
            15:01 r8 succeeded
            15:01 r9 succeeded
        "#]],
    );
}

#[test]
fn newest_slot_on_time_after_missed_ones() {
    check(
        "agent a = 0 * * * * | missed=skip takes=1m
         agent b = 0 * * * * | missed=once takes=1m
         agent c = 0 * * * * | missed=2 takes=1m
         09:30 start a b c
         09:40
         14:00:20 up
         14:30",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:30 b due 10:00, b r1 queued started, r1 placed
            09:30 c due 10:00, c r2 queued started, r2 placed
            09:31 r0 succeeded
            09:31 r1 succeeded
            09:31 r2 succeeded
            14:00:20 a passed 13:00 4x missed due 15:00, a r3 queued for 14:00, b passed 13:00 4x missed due 15:00, b r4 queued for 14:00 catching up 4, c passed 12:00 3x missed due 15:00, c r5 queued for 13:00 catching up 1, c r6 queued for 14:00, r3 placed, r4 placed, r5 placed
            14:01:20 r3 succeeded
            14:01:20 r4 succeeded
            14:01:20 r5 succeeded, r6 placed
            14:02:20 r6 succeeded
        "#]],
    );
}

#[test]
fn overlap_by_policy() {
    check(
        "agent a = 0 * * * * | overlap=skip deadline=9h
         agent b = 0 * * * * | overlap=queue deadline=9h
         agent c = 0 * * * * | overlap=replace deadline=9h
         09:30 start a b c
         10:00:20 dead c
         10:30 end a ok
         10:31 end b ok
         10:40",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:30 b due 10:00, b r1 queued started, r1 placed
            09:30 c due 10:00, c r2 queued started, r2 placed
            10:00 a passed 10:00 overlap due 11:00, b r3 queued for 10:00, b due 11:00, r2 stopping Replaced within 5000 ms, c r4 queued for 10:00, c due 11:00, tell r2 to end!
            10:00:05 r2 stopping Replaced, kill r2!
            10:00:15 kill r2!
            10:00:20 r2 killed, r4 placed
            10:30 r0 succeeded
            10:31 r1 succeeded, r3 placed
        "#]],
    );
}

#[test]
fn kills_are_asked_again_until_proven() {
    check(
        "agent a = manual | deadline=10m
         09:00 run a
         09:15
         09:20 dead a
         09:40",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:10 r0 stopping Deadline, kill r0!
            09:10:10 kill r0!
            09:10:30 kill r0!
            09:11:10 kill r0!
            09:12:30 kill r0!
            09:15:10 kill r0!
            09:20 r0 timed_out
        "#]],
    );
}

#[test]
fn nothing_changed_needs_no_process() {
    check(
        "set idle_slots=3
         agent a = 0 * * * * | reads=git takes=1m
         09:30 start a
         18:30
         18:40 git g2
         19:30",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:31 r0 succeeded
            10:00 a passed 10:00 nothing changed due 11:00
            11:00 a passed 11:00 nothing changed due 12:00
            12:00 a interval 2000 NothingChanged, a passed 12:00 nothing changed due 14:00
            14:00 a passed 14:00 nothing changed due 16:00
            16:00 a passed 16:00 nothing changed due 18:00
            18:00 a interval 4000 NothingChanged, a passed 18:00 nothing changed due 22:00
            18:40 a interval 1000 Useful, a due 19:00
            19:00 a r1 queued for 19:00, a due 20:00, r1 placed
            19:01 r1 succeeded
        "#]],
    );
}

#[test]
fn continuous_runs_on_change() {
    check(
        "agent a = continuous | reads=git takes=2m
         09:00 start a
         09:30 git g2
         09:30:02 git g3
         09:31 git g4
         09:31:01 git g4
         12:00",
        expect![[r#"
            09:00 a due 10:00, a r0 queued started, r0 placed
            09:02 r0 succeeded
            09:30 a r1 queued changed not before 09:30:05
            09:30:05 r1 placed
            09:31 a r2 queued changed not before 09:31:05
            09:32:05 r1 succeeded, r2 placed
            09:34:05 r2 succeeded
            10:00 a passed 10:00 nothing changed due 11:00
            11:00 a passed 11:00 nothing changed due 12:00
            12:00 a passed 12:00 nothing changed due 13:00
        "#]],
    );
}

#[test]
fn continuous_tries_again_what_failed() {
    check(
        "agent a = continuous | reads=git
         09:00 start a
         09:01 end a ok
         09:10 git g2
         09:11 end a fail
         10:05 end a ok
         12:00",
        expect![[r#"
            09:00 a due 10:00, a r0 queued started, r0 placed
            09:01 r0 succeeded
            09:10 a r1 queued changed not before 09:10:05
            09:10:05 r1 placed
            09:11 r1 failed
            10:00 a r2 queued for 10:00, a due 11:00, r2 placed
            10:05 r2 succeeded
            11:00 a passed 11:00 nothing changed due 12:00
            12:00 a passed 12:00 nothing changed due 13:00
        "#]],
    );
}

#[test]
fn messages_wake_and_die() {
    check(
        "agent a = manual
         agent b = events | reads=inbox
         09:00 start b
         09:01 end b ok
         09:02 run a
         09:03 send a b
         09:04 ack b
         09:05 send a b
         09:05 end a ok
         09:06 end b ok
         09:07 read b
         09:08 end b ok
         09:09 read b
         09:10 end b ok
         09:11 read b
         09:12 end b ok
         09:13 read b
         09:14 end b ok
         09:15 read b
         09:16 end b ok
         10:00",
        expect![[r#"
            09:00 b r0 queued started, r0 placed
            09:01 r0 succeeded
            09:02 a r1 queued by hand, r1 placed
            09:03 b r2 queued on message not before 09:03:05
            09:03:05 r2 placed
            09:05 r1 succeeded
            09:06 r2 succeeded, b r3 queued on message not before 09:06:05
            09:06:05 r3 placed
            09:08 r3 succeeded, b r4 queued on message not before 09:08:05
            09:08:05 r4 placed
            09:10 r4 succeeded, b r5 queued on message not before 09:10:05
            09:10:05 r5 placed
            09:12 r5 succeeded, b r6 queued on message not before 09:12:05
            09:12:05 r6 placed
            09:14 r6 succeeded, b r7 queued on message not before 09:14:05
            09:14:05 r7 placed
            09:16 r7 succeeded, m1 died
        "#]],
    );
}

#[test]
fn priorities_age() {
    check(
        "set max_running=1
         agent x = manual
         agent low = manual | prio=low takes=1m
         agent medium = manual | takes=1m
         agent late = manual | prio=high takes=1m
         agent first = manual | prio=critical takes=1m
         09:00 run x
         09:01 run low
         09:02 run medium
         09:15 run late
         09:28 run first
         09:29 end x ok
         09:40",
        expect![[r#"
            09:00 x r0 queued by hand, r0 placed
            09:01 low r1 queued by hand
            09:02 medium r2 queued by hand
            09:15 late r3 queued by hand
            09:28 first r4 queued by hand
            09:29 r0 succeeded, r2 placed
            09:30 r2 succeeded, r3 placed
            09:31 r3 succeeded, r4 placed
            09:32 r4 succeeded, r1 placed
            09:33 r1 succeeded
        "#]],
    );
}

#[test]
fn locks_exclude_and_never_starve_the_one_that_needs_two() {
    check(
        "agent one = manual | locks=db
         agent two = manual | locks=web
         agent both = manual | locks=db+web
         agent next = manual | locks=web
         09:00 run one two
         09:01 run both
         09:12 end two ok
         09:12 run two next
         09:13 explain next
         09:14 end one ok
         09:20 end both ok",
        expect![[r#"
            09:00 one r0 queued by hand, r0 placed db#0
            09:00 two r1 queued by hand, r1 placed web#1
            09:01 both r2 queued by hand
            09:12 r1 succeeded
            09:12 two r3 queued by hand
            09:12 next r4 queued by hand
            09:13 next is waiting, next never
                r4 waits for `web`, kept for r2, which has waited longer
                stopped: it is not on its schedule
            09:14 r0 succeeded, r2 placed db#2 web#3
            09:20 r2 succeeded, r3 placed web#4
        "#]],
    );
}

#[test]
fn a_path_is_kept_with_what_lies_in_it() {
    check(
        "agent one = manual | locks=db
         agent two = manual | locks=file:src/a.rs
         agent both = manual | locks=db+file:src
         agent next = manual | locks=file:src/b.rs
         agent far = manual | locks=file:docs
         09:00 run one two
         09:01 run both
         09:12 end two ok
         09:12 run next far
         09:13 explain next
         09:14 end one ok
         09:20 end both ok",
        expect![[r#"
            09:00 one r0 queued by hand, r0 placed db#0
            09:00 two r1 queued by hand, r1 placed file:src/a.rs#1
            09:01 both r2 queued by hand
            09:12 r1 succeeded
            09:12 next r3 queued by hand
            09:12 far r4 queued by hand, r4 placed file:docs#2
            09:13 next is waiting, next never
                r3 waits for `file:src`, kept for r2, which has waited longer
                stopped: it is not on its schedule
            09:14 r0 succeeded, r2 placed db#3 file:src#4
            09:20 r2 succeeded, r3 placed file:src/b.rs#5
        "#]],
    );
}

#[test]
fn who_waits_at_work_has_its_turn_before_what_is_queued_later() {
    check(
        "agent one = manual
         agent two = manual
         agent next = manual | locks=file:src
         09:00 run one two
         09:01 lease one file:src/a 10m
         09:02 waits two file:src/a 10m
         09:03 run next
         09:11:30 explain next
         09:20",
        expect![[r#"
            09:00 one r0 queued by hand, r0 placed
            09:00 two r1 queued by hand, r1 placed
            09:03 next r2 queued by hand
            09:11 file:src/a#0 released
            09:11:30 next is waiting, next never
                r2 waits for `file:src/a`, which r1 of `two` waits for and comes first
                stopped: it is not on its schedule
            09:12 r2 placed file:src#1
        "#]],
    );
    check(
        "agent one = manual
         agent two = manual
         agent next = manual | locks=db
         09:00 run one two
         09:01 lease one db 10m
         09:02 waits two db 10m
         09:03 run next
         09:11:30 lease two db 5m
         09:20",
        expect![[r#"
            09:00 one r0 queued by hand, r0 placed
            09:00 two r1 queued by hand, r1 placed
            09:03 next r2 queued by hand
            09:11 db#0 released
            09:16:30 db#1 released, r2 placed db#2
        "#]],
    );
    check(
        "agent one = manual
         agent late = manual
         agent urgent = manual | prio=high
         agent next = manual | locks=db
         agent other = manual | locks=web
         09:00 run one late urgent
         09:01 lease one db 10m
         09:01 lease one web 10m
         09:02 run next other
         09:03 waits late db 9m
         09:03 waits urgent web 9m
         09:11
         09:11:30 explain other
         09:20",
        expect![[r#"
            09:00 one r0 queued by hand, r0 placed
            09:00 late r1 queued by hand, r1 placed
            09:00 urgent r2 queued by hand, r2 placed
            09:02 next r3 queued by hand
            09:02 other r4 queued by hand
            09:11 db#0 released, web#1 released, r3 placed db#2
            09:11:30 other is waiting, next never
                r4 waits for `web`, which r2 of `urgent` waits for and comes first
                stopped: it is not on its schedule
            09:12 r4 placed web#3
        "#]],
    );
}

#[test]
fn leases_of_agents_expire() {
    check(
        "agent a = manual
         agent b = manual | locks=db
         09:00 run a
         09:01 lease a db 10m
         09:02 run b
         09:03 explain b
         09:20",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:02 b r1 queued by hand
            09:03 b is waiting, next never
                r1 waits for `db`, held by r0 of `a`
                stopped: it is not on its schedule
            09:11 db#0 released, r1 placed db#1
        "#]],
    );
}

#[test]
fn dependencies_order_and_are_given_up() {
    check(
        "set dependency_wait=2h
         agent a = daily at 10:00
         agent b = daily at 10:00 | depends=a
         agent c = daily at 12:00 | depends=b
         09:00 start a b
         09:01 explain b
         09:02 end a ok
         09:10 end b ok
         10:10 end a fail
         10:11 explain b
         13:00",
        expect![[r#"
            09:00 a due 10:00, a r0 queued started, r0 placed
            09:00 b due 10:00, b r1 queued started
            09:01 b is waiting, next 10:00
                r1 waits for `a`, which is running
                its schedule: every day at 10:00, next in 59 min
            09:02 r0 succeeded, r1 placed
            09:10 r1 succeeded
            10:00 a r2 queued for 10:00, a due 1d10:00, b r3 queued for 10:00, b due 1d10:00, r2 placed
            10:10 r2 failed
            10:11 b is waiting, next 1d10:00
                r3 waits for `a`, which failed in its newest run
                its schedule: every day at 10:00, next in 23 h 49 min
            12:00 r3 refused by depends_on: waited 2 h for `a`, which failed in its newest run
        "#]],
    );
}

#[test]
fn retries_breaker_trial_quarantine() {
    check(
        "set failures=3
         agent a = every 5 minutes | retry=2 overlap=skip
         09:00 start a
         09:01 end a fail
         09:03 end a fail
         09:07 end a fail
         09:08 explain a
         09:31 end a fail
         09:40 explain a
         10:12 end a ok
         10:13 explain a",
        expect![[r#"
            09:00 a due 09:00:18, a r0 queued started, r0 placed
            09:00:18 a passed 09:00:18 overlap due 09:05:18
            09:01 r0 failed, a r1 queued retry of r0 attempt 2 not before 09:02:01
            09:02:01 r1 placed
            09:03 r1 failed, a r2 queued retry of r1 attempt 3 not before 09:05:06
            09:05:06 r2 placed
            09:05:18 a passed 09:05:18 overlap due 09:10:18
            09:07 r2 failed, a breaker open until 09:22 after 3, a interval 2000 Failing
            09:08 a is failed, next 09:25:18
                3 runs failed in a row, so its circuit breaker is open for another 14 min, time 1
                r2 failed 1 min ago: exit status 1
                its schedule: every 5 minutes, next in 2 min 18 s
                it takes one in 2 of its schedule's times: its runs fail
            09:10:18 a passed 09:10:18 breaker open due 09:20:18
            09:20:18 a passed 09:20:18 breaker open due 09:30:18
            09:30:18 a r3 queued for 09:30:18, a due 09:40:18, r3 placed
            09:31 r3 failed, a breaker open until 10:01 after 4
            09:40 a is failed, next 10:05:18
                4 runs failed in a row, so its circuit breaker is open for another 21 min, time 2
                r3 failed 9 min ago: exit status 1
                its schedule: every 5 minutes, next in 18 s
                it takes one in 2 of its schedule's times: its runs fail
            09:40:18 a passed 09:40:18 breaker open due 09:50:18
            09:50:18 a passed 09:50:18 breaker open due 10:00:18
            10:00:18 a passed 10:00:18 breaker open due 10:10:18
            10:10:18 a r4 queued for 10:10:18, a due 10:20:18, r4 placed
            10:12 r4 succeeded, a breaker closed
            10:13 a is scheduled, next 10:20:18
                its schedule: every 5 minutes, next in 7 min 18 s
                it takes one in 2 of its schedule's times: its runs fail
        "#]],
    );
}

#[test]
fn the_last_opening_is_quarantine() {
    check(
        "set failures=1
         agent a = manual
         09:00 start a
         09:00 run a
         09:01 end a fail
         09:02 run a
         09:02 end a fail
         09:03 run a
         09:03 end a fail
         09:04 run a
         09:04 end a fail
         09:05 run a
         09:05 run a
         09:05 end a fail
         09:06 run a
         09:07 explain a
         09:08 lift a
         09:09 explain a",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:01 r0 failed, a breaker open until 09:16 after 1
            09:02 a r1 queued by hand, r1 placed
            09:02 r1 failed, a breaker open until 09:32 after 2
            09:03 a r2 queued by hand, r2 placed
            09:03 r2 failed, a breaker open until 10:03 after 3
            09:04 a r3 queued by hand, r3 placed
            09:04 r3 failed, a breaker open until 11:04 after 4
            09:05 a r4 queued by hand, r4 placed
            09:05 a r5 queued by hand
            09:05 r4 failed, a quarantined: 5 runs failed in a row, 4 trials among them; the last: exit status 1, r5 refused by quarantine: the agent is quarantined
            09:06 a r6 queued by hand
            09:07 a is quarantined, next never
                r6 waits for its agent, which is quarantined
                quarantined: 5 runs failed in a row, 4 trials among them; the last: exit status 1
                5 runs failed in a row, so its circuit breaker is open for another 1 h 57 min, time 4
                r5 refused 2 min ago: the agent is quarantined
                its schedule: only when asked
            09:08 r6 placed
            09:09 a is running, next never
                r6 runs since 1 min, for at most another 29 min
                r5 refused 4 min ago: the agent is quarantined
                its schedule: only when asked
        "#]],
    );
}

#[test]
fn lost_runs_are_repeated_at_once() {
    check(
        "agent a = manual | retry=1
         09:00 start a
         09:00 run a
         09:01 end a lost
         09:02 end a lost
         09:04 end a fail
         09:30",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:01 r0 lost, a r1 queued retry of r0 attempt 1, r1 placed
            09:02 r1 lost, a r2 queued retry of r1 attempt 2 not before 09:03:10
            09:03:10 r2 placed
            09:04 r2 failed
        "#]],
    );
}

#[test]
fn pressure_holds_back_what_can_wait() {
    check(
        "agent low = 0 * * * * | prio=low takes=1m
         agent medium = 0 * * * * | takes=1m
         agent high = 0 * * * * | prio=high takes=1m
         09:30 start low medium high
         09:59:50 host cpu=80
         10:00:01 explain medium
         10:10 host cpu=50
         10:29
         10:40 host cpu=10
         11:05",
        expect![[r#"
            09:30 low due 10:00, low r0 queued started, r0 placed
            09:30 medium due 10:00, medium r1 queued started, r1 placed
            09:30 high due 10:00, high r2 queued started, r2 placed
            09:31 r0 succeeded
            09:31 r1 succeeded
            09:31 r2 succeeded
            10:00 low interval 2000 Pressed, low r3 queued for 10:00, low due 12:00, medium interval 2000 Pressed, medium r4 queued for 10:00, medium due 12:00, high r5 queued for 10:00, high due 11:00, r5 placed
            10:00:01 medium is waiting, next 12:00
                r4 waits for the host: the processor is busy
                its schedule: at minute 0 every day, next in 1 h 59 min
                it takes one in 2 of its schedule's times: the host is short of something
            10:01 r5 succeeded
            10:30 r4 placed
            10:31 r4 succeeded
            10:40 r3 placed
            10:41 r3 succeeded
            11:00 high r6 queued for 11:00, high due 12:00, r6 placed
            11:01 r6 succeeded
        "#]],
    );
}

#[test]
fn severe_pressure_lets_one_go_at_a_time() {
    check(
        "agent a = manual | prio=critical takes=1m
         agent b = manual | takes=1m
         agent c = manual | takes=1m
         09:00 host memory=2
         09:00 run b c a
         09:01 explain b
         09:20",
        expect![[r#"
            09:00 b r0 queued by hand
            09:00 c r1 queued by hand
            09:00 a r2 queued by hand, r2 placed
            09:01 r2 succeeded
            09:01 b is waiting, next never
                r0 waits for the host: memory is almost used up
                stopped: it is not on its schedule
            09:10 r0 placed
            09:11 r0 succeeded, r1 placed
            09:12 r1 succeeded
        "#]],
    );
}

#[test]
fn battery_lets_a_first_run_go() {
    check(
        "agent a = 0 * * * * | prio=low takes=1m
         09:00 host battery
         09:30 start a
         10:30",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:31 r0 succeeded
            10:00 a interval 2000 Pressed, a r1 queued for 10:00, a due 12:00
        "#]],
    );
}

#[test]
fn capacity_by_class_and_a_giant_alone() {
    check(
        "set capacity_cpu=3
         agent a = manual | cpu=low
         agent b = manual | cpu=high
         agent c = manual | cpu=low
         09:00 run a b c
         09:01 explain b
         09:02 end a ok
         09:11 end c ok
         09:12 run a
         09:13 explain a",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:00 b r1 queued by hand
            09:00 c r2 queued by hand, r2 placed
            09:01 b is waiting, next never
                r1 waits for room: the processor is taken by other runs
                stopped: it is not on its schedule
            09:02 r0 succeeded
            09:11 r2 succeeded, r1 placed
            09:12 a r3 queued by hand
            09:13 a is waiting, next never
                r3 waits for room: the processor is taken by other runs
                stopped: it is not on its schedule
        "#]],
    );
}

#[test]
fn limits_are_reserved_of_the_machine_s_budget() {
    check(
        "set budget_memory=1024 budget_cpu=100
         agent a = manual | memory_mb=600
         agent low = manual | prio=low
         agent high = manual | prio=high
         agent giant = manual | memory_mb=2048
         agent busy = manual | cpu_percent=100 memory_mb=64
         09:00 run a
         09:01 run low high giant
         09:02 run busy
         09:03 explain high
         09:03 explain busy
         09:03 waiting
         09:04 end a ok
         09:05 end high ok
         09:06 end low ok
         09:07 end giant ok
         09:08 end busy ok",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:01 low r1 queued by hand
            09:01 high r2 queued by hand
            09:01 giant r3 queued by hand
            09:02 busy r4 queued by hand
            09:03 high is waiting, next never
                r2 waits for the memory budget: its limit is 512 MB, and 600 of 1024 MB are reserved
                stopped: it is not on its schedule
            09:03 busy is waiting, next never
                r4 waits for the processor budget: its limit is 100 %, and 10 of 100 % are reserved
                stopped: it is not on its schedule
                r2 waits (budget) for the memory budget: its limit is 512 MB, and 600 of 1024 MB are reserved
                r3 waits (budget) for the memory budget: its limit is 2048 MB, and 600 of 1024 MB are reserved
                r4 waits (budget) for the processor budget: its limit is 100 %, and 10 of 100 % are reserved
                r1 waits (budget) for the memory budget: its limit is 512 MB, and 600 of 1024 MB are reserved
            09:04 r0 succeeded, r2 placed, r1 placed
            09:05 r2 succeeded
            09:06 r1 succeeded, r3 placed
            09:07 r3 succeeded, r4 placed
            09:08 r4 succeeded
        "#]],
    );
}

#[test]
fn emergency_stops_all_and_starts_nothing() {
    check(
        "agent a = 0 * * * *
         agent b = manual
         09:30 start a
         09:31 emergency
         09:31 dead a
         09:32 run b
         09:33 explain b
         12:30 calm
         12:31",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:31 r0 stopping Emergency, kill r0!
            09:31 r0 killed
            09:32 b r1 queued by hand
            09:33 b is disabled, next never
                r1 waits for the emergency to be lifted: drill
                nothing starts, an emergency was declared: drill
                stopped: it is not on its schedule
            12:30 a passed 11:00 2x missed due 13:00, a r2 queued for 12:00 catching up 3, r1 placed, r2 placed
        "#]],
    );
}

#[test]
fn stop_pause_resume_restart() {
    check(
        "agent a = 0 * * * * | overlap=queue deadline=9h
         09:30 start a
         10:01 stop a
         10:02 explain a
         10:03 dead a
         11:01 start a
         11:02 restart a
         11:03 dead a
         11:04 end a ok
         11:05 pause a
         12:01 explain a
         12:02 resume a
         13:01",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            10:00 a r1 queued for 10:00, a due 11:00
            10:01 r0 stopping Stopped within 5000 ms, r1 killed, tell r0 to end!
            10:01:05 r0 stopping Stopped, kill r0!
            10:01:15 kill r0!
            10:01:35 kill r0!
            10:02 a is stopping, next never
                r0 was told to die 55 s ago
                stopped: it is not on its schedule
                r1 killed 1 min ago
            10:02:15 kill r0!
            10:03 r0 killed
            11:01 a due 12:00, a r2 queued started, r2 placed
            11:02 r2 stopping Stopped within 5000 ms, a due 12:00, a r3 queued started, tell r2 to end!
            11:02:05 r2 stopping Stopped, kill r2!
            11:02:15 kill r2!
            11:02:35 kill r2!
            11:03 r2 killed, r3 placed
            11:04 r3 succeeded
            12:00 a passed 12:00 paused due 13:00
            12:01 a is paused, next 13:00
                paused 56 min ago
                its schedule: at minute 0 every day, next in 59 min
            13:00 a r4 queued for 13:00, a due 14:00, r4 placed
        "#]],
    );
}

#[test]
fn slow_runs_are_rarer_until_they_are_quick() {
    check(
        "agent a = 0 * * * * | takes=20m
         09:30 start a
         13:30 takes a 1m
         1d02:30 explain a",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:50 r0 succeeded
            10:00 a r1 queued for 10:00, a due 11:00, r1 placed
            10:20 r1 succeeded
            11:00 a r2 queued for 11:00, a due 12:00, r2 placed
            11:20 r2 succeeded, a interval 2000 Slow
            12:00 a r3 queued for 12:00, a due 14:00, r3 placed
            12:20 r3 succeeded
            14:00 a r4 queued for 14:00, a due 16:00, r4 placed
            14:01 r4 succeeded
            16:00 a r5 queued for 16:00, a due 18:00, r5 placed
            16:01 r5 succeeded
            18:00 a r6 queued for 18:00, a due 20:00, r6 placed
            18:01 r6 succeeded
            20:00 a r7 queued for 20:00, a due 22:00, r7 placed
            20:01 r7 succeeded
            22:00 a r8 queued for 22:00, a due 1d00:00, r8 placed
            22:01 r8 succeeded, a interval 1000 Useful
            1d00:00 a r9 queued for 1d00:00, a due 1d01:00, r9 placed
            1d00:01 r9 succeeded
            1d01:00 a r10 queued for 1d01:00, a due 1d02:00, r10 placed
            1d01:01 r10 succeeded
            1d02:00 a r11 queued for 1d02:00, a due 1d03:00, r11 placed
            1d02:01 r11 succeeded
            1d02:30 a is scheduled, next 1d03:00
                its schedule: at minute 0 every day, next in 30 min
        "#]],
    );
}

#[test]
fn ignored_agents_are_rarer() {
    check(
        "agent a = 0 * * * * | deadline=9h
         08:30 start a
         08:31 find a 9
         08:32 end a ok
         08:40 dismiss 7
         09:01 end a ok
         10:01 end a ok
         10:02 explain a
         12:30 end a ok",
        expect![[r#"
            08:30 a due 09:00, a r0 queued started, r0 placed
            08:32 r0 succeeded
            09:00 a r1 queued for 09:00, a due 10:00, r1 placed
            09:01 r1 succeeded
            10:00 a r2 queued for 10:00, a due 11:00, r2 placed
            10:01 r2 succeeded, a interval 2000 Ignored
            10:02 a is scheduled, next 11:00
                its schedule: at minute 0 every day, next in 58 min
                it takes one in 2 of its schedule's times: most of its findings are dismissed
            11:00 a r3 queued for 11:00, a due 13:00, r3 placed
            12:30 r3 succeeded
        "#]],
    );
}

#[test]
fn a_clock_that_jumps_a_year_is_no_storm() {
    check(
        "agent a = every 5 minutes | missed=1000 takes=1m
         agent b = daily | missed=once takes=1m
         09:00 start a b
         09:04
         365d09:00 up
         365d09:02",
        expect![[r#"
            09:00 a due 09:00:18, a r0 queued started, r0 placed
            09:00 b due 1d01:48:44, b r1 queued started, r1 placed
            09:00:18 a passed 09:00:18 overlap due 09:05:18
            09:01 r0 succeeded
            09:01 r1 succeeded
            365d09:00 a passed 365d06:55:18 105095x missed due 365d09:00:18, a r2 queued for 365d07:00:18 catching up 1, a r3 queued for 365d07:05:18 catching up 1, a r4 queued for 365d07:10:18 catching up 1, a r5 queued for 365d07:15:18 catching up 1, a r6 queued for 365d07:20:18 catching up 1, a r7 queued for 365d07:25:18 catching up 1, a r8 queued for 365d07:30:18 catching up 1, a r9 queued for 365d07:35:18 catching up 1, a r10 queued for 365d07:40:18 catching up 1, a r11 queued for 365d07:45:18 catching up 1, a r12 queued for 365d07:50:18 catching up 1, a r13 queued for 365d07:55:18 catching up 1, a r14 queued for 365d08:00:18 catching up 1, a r15 queued for 365d08:05:18 catching up 1, a r16 queued for 365d08:10:18 catching up 1, a r17 queued for 365d08:15:18 catching up 1, a r18 queued for 365d08:20:18 catching up 1, a r19 queued for 365d08:25:18 catching up 1, a r20 queued for 365d08:30:18 catching up 1, a r21 queued for 365d08:35:18 catching up 1, a r22 queued for 365d08:40:18 catching up 1, a r23 queued for 365d08:45:18 catching up 1, a r24 queued for 365d08:50:18 catching up 1, a r25 queued for 365d08:55:18 catching up 1, b passed 364d01:48:44 364x missed due 366d01:48:44, b r26 queued for 365d01:48:44 catching up 365, r2 placed, r26 placed
            365d09:00:18 a passed 365d09:00:18 overlap due 365d09:05:18
            365d09:01 r2 succeeded, r3 placed
            365d09:01 r26 succeeded
            365d09:02 r3 succeeded, r4 placed
        "#]],
    );
}

#[test]
fn explanations() {
    check(
        "agent a = weekly on friday around 5pm | reads=git takes=1m
         agent b = continuous | reads=git deadline=20m
         agent c = every 2 hours | zone=Mars/Olympus
         09:00 explain a
         09:00 start a b c
         09:05 explain a
         09:05 explain b
         09:05 explain c",
        expect![[r#"
            09:00 a is stopped, next never
                stopped: it is not on its schedule
            09:00 a due 4d17:07:26, a r0 queued started, r0 placed
            09:00 b due 10:00, b r1 queued started, r1 placed
            09:00 c r2 queued started, r2 placed
            09:01 r0 succeeded
            09:05 a is scheduled, next 4d17:07:26
                its schedule: every Friday around 17:00, next in 4 d 8 h
                nothing that it reads has changed since its last good run
            09:05 b is running, next 10:00
                r1 runs since 5 min, for at most another 15 min
                its schedule: whenever something changes, next in 55 min
            09:05 c is running, next never
                r2 runs since 5 min, for at most another 25 min
                its schedule `every 2 hours` can't be read
        "#]],
    );
}

#[test]
fn room_is_kept_for_a_large_run_that_waited() {
    check(
        "set capacity_cpu=4
         agent a = manual | cpu=low
         agent b = manual | cpu=low
         agent large = manual | cpu=high
         09:00 run a
         09:01 run large
         09:05 run b
         09:08 end b ok
         09:12 run b
         09:13 explain b
         09:14 end a ok
         09:15 end large ok
         09:16 end b ok",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:01 large r1 queued by hand
            09:05 b r2 queued by hand, r2 placed
            09:08 r2 succeeded
            09:12 b r3 queued by hand
            09:13 b is waiting, next never
                r3 waits for room, kept for r1, which has waited longer
                stopped: it is not on its schedule
            09:14 r0 succeeded, r1 placed
            09:15 r1 succeeded, r3 placed
            09:16 r3 succeeded
        "#]],
    );
}

#[test]
fn what_was_measured_counts_more_than_what_was_declared() {
    check(
        "set capacity_memory=4
         agent a = manual
         agent b = manual
         09:00 run a b
         09:01 end a ok 500
         09:02 run a
         09:03 end a ok 500
         09:04 run a
         09:05 end a ok 500
         09:06 run a
         09:07 explain a
         09:08 end b ok
         09:09 end a ok",
        expect![[r#"
            09:00 a r0 queued by hand, r0 placed
            09:00 b r1 queued by hand, r1 placed
            09:01 r0 succeeded
            09:02 a r2 queued by hand, r2 placed
            09:03 r2 succeeded
            09:04 a r3 queued by hand, r3 placed
            09:05 r3 succeeded
            09:06 a r4 queued by hand
            09:07 a is waiting, next never
                r4 waits for room: the memory is taken by other runs
                stopped: it is not on its schedule
            09:08 r1 succeeded, r4 placed
            09:09 r4 succeeded
        "#]],
    );
}

#[test]
fn no_agent_is_woken_by_its_own_events() {
    check(
        "agent a = events | wakes=build
         agent b = events | wakes=build.done
         09:00 start a
         09:00 start b
         09:01 end b ok
         09:02 emit a build.done
         09:03 end b ok
         09:04 end a ok
         09:05",
        expect![[r#"
            09:00 a r0 queued started, r0 placed
            09:00 b r1 queued started, r1 placed
            09:01 r1 succeeded
            09:02 b r2 queued on build.done not before 09:02:05
            09:02:05 r2 placed
            09:03 r2 succeeded
            09:04 r0 succeeded
        "#]],
    );
}

#[test]
fn pressure_that_was_felt_explains_the_wait_until_relief() {
    check(
        "agent a = 0 * * * * | takes=1m
         09:30 start a
         09:59:50 host cpu=80
         10:01 host cpu=50
         10:02 explain a",
        expect![[r#"
            09:30 a due 10:00, a r0 queued started, r0 placed
            09:31 r0 succeeded
            10:00 a interval 2000 Pressed, a r1 queued for 10:00, a due 12:00
            10:02 a is waiting, next 12:00
                r1 waits for the host: the processor is busy
                its schedule: at minute 0 every day, next in 1 h 58 min
                it takes one in 2 of its schedule's times: the host is short of something
        "#]],
    );
}

#[test]
fn failing_agents_are_rarer_and_good_runs_bring_them_back() {
    check(
        "agent a = 0 * * * *
         08:30 start a
         08:31 end a fail
         09:01 end a fail
         10:01 end a fail
         11:01 end a ok
         13:01 end a ok
         15:01 end a ok
         17:01 end a ok
         17:02",
        expect![[r#"
            08:30 a due 09:00, a r0 queued started, r0 placed
            08:31 r0 failed
            09:00 a r1 queued for 09:00, a due 10:00, r1 placed
            09:01 r1 failed
            10:00 a r2 queued for 10:00, a due 11:00, r2 placed
            10:01 r2 failed, a interval 2000 Failing
            11:00 a r3 queued for 11:00, a due 13:00, r3 placed
            11:01 r3 succeeded
            13:00 a r4 queued for 13:00, a due 15:00, r4 placed
            13:01 r4 succeeded
            15:00 a r5 queued for 15:00, a due 17:00, r5 placed
            15:01 r5 succeeded, a interval 1000 Useful
            17:00 a r6 queued for 17:00, a due 18:00, r6 placed
            17:01 r6 succeeded
        "#]],
    );
}
