//! What agents share: the machine's budget, leases, who waits, inboxes.

use super::table::Table;
use super::{Ink, Look, bytes, when};
use onboard_domain::model::Amount;
use onboard_web::api::{Coordination, Share, StorageView};

/// All of it; names carry their project where there may be several.
pub fn status(shared: &Coordination, all_projects: bool, look: &Look) -> String {
    let named = |project: &str, agent: &str| match all_projects {
        true => format!("{project}/{agent}"),
        false => agent.to_string(),
    };
    let mut out = budget(shared, look);
    out.push_str(&section("Leases", "nothing is leased", leases(shared, &named, look), look));
    let waiting = waiting(shared, &named, look);
    out.push_str(&section("Waiting", "no run waits for what others have", waiting, look));
    out.push_str(&section("Inboxes", "all are empty", inboxes(shared, &named, look), look));
    if let Some(table) = models(shared, &named, look) {
        out.push_str(&section("Models", "", Some(table), look));
    }
    out.push_str(&section("Storage", "nothing is kept", storage(shared, &named, look), look));
    out
}

/// A heading with a table, or with the words for there being none.
fn section(title: &str, empty: &str, table: Option<String>, look: &Look) -> String {
    let title = look.paint(Ink::Bold, title);
    match table {
        Some(table) => format!("\n{title}\n{table}"),
        None => format!("\n{title}  {}\n", look.paint(Ink::Dim, empty)),
    }
}

fn budget(shared: &Coordination, look: &Look) -> String {
    let mut table = Table::new(&["BUDGET", "USED", "FREE", "TOTAL"]);
    let mut row = |name: &str, share: Share, unit: &str| {
        let full = (share.free == 0).then_some(Ink::Yellow);
        table.row(vec![
            (name.into(), None),
            (format!("{}{unit}", share.used), full),
            (format!("{}{unit}", share.free), None),
            (format!("{}{unit}", share.total), None),
        ]);
    };
    row("runs", shared.budget.runs, "");
    row("processor", shared.budget.cpu_percent, " %");
    row("memory", shared.budget.memory_mb, " MB");
    table.draw(look)
}

type Named<'a> = &'a dyn Fn(&str, &str) -> String;

fn leases(shared: &Coordination, named: Named<'_>, look: &Look) -> Option<String> {
    let mut table = Table::new(&["NAME", "MODE", "RUN", "AGENT", "TOKEN", "SINCE", "EXPIRES"]);
    for row in &shared.leases {
        let expires =
            row.expires.map_or_else(|| "to its end".into(), |at| when::relative(look, at));
        table.row(vec![
            (row.name.clone(), None),
            (row.mode.word().into(), None),
            (row.run.clone(), None),
            (named(&row.project, &row.agent), None),
            (row.token.to_string(), None),
            (when::relative(look, row.since), None),
            (expires, None),
        ]);
    }
    (!shared.leases.is_empty()).then(|| table.draw(look))
}

fn waiting(shared: &Coordination, named: Named<'_>, look: &Look) -> Option<String> {
    let mut table =
        Table::new(&["RUN", "AGENT", "PRIORITY", "SINCE", "GIVES UP", "KIND", "WAITS FOR"]);
    for row in &shared.waiting {
        let priority = format!("{:?}", row.priority).to_lowercase();
        table.row(vec![
            (row.run.clone(), None),
            (named(&row.project, &row.agent), None),
            (priority, None),
            (when::relative(look, row.since), None),
            (row.until.map_or_else(|| "-".into(), |at| when::relative(look, at)), None),
            (row.kind.clone(), Some(Ink::Yellow)),
            (row.waits_for.clone(), None),
        ]);
    }
    (!shared.waiting.is_empty()).then(|| table.draw(look))
}

fn models(shared: &Coordination, named: Named<'_>, look: &Look) -> Option<String> {
    let mut table = Table::new(&["BUDGET", "OF", "USED", "LIMIT", "WRITTEN IN"]);
    for row in &shared.models {
        let amount = |amount| Amount { unit: row.unit, amount }.to_string();
        let whose = match &row.agent {
            Some(agent) => named(row.project.as_deref().unwrap_or_default(), agent),
            None => "all".into(),
        };
        let on_its_way = match row.reserved {
            0 => String::new(),
            reserved => format!(", {} of it set aside", amount(reserved)),
        };
        table.row(vec![
            (format!("{}.{}", row.scope, row.unit), None),
            (whose, None),
            (
                format!("{}{on_its_way}", amount(row.used)),
                (row.used >= row.limit).then_some(Ink::Red),
            ),
            (amount(row.limit), None),
            (row.origin.clone(), Some(Ink::Dim)),
        ]);
    }
    (!shared.models.is_empty()).then(|| table.draw(look))
}

fn inboxes(shared: &Coordination, named: Named<'_>, look: &Look) -> Option<String> {
    let mut table = Table::new(&["AGENT", "MESSAGES", "OLDEST", "DEAD"]);
    for row in &shared.inboxes {
        let dead = (row.dead > 0).then_some(Ink::Red);
        table.row(vec![
            (named(&row.project, &row.agent), None),
            (format!("{} of {}", row.depth, row.depth_max), None),
            (row.oldest.map_or_else(|| "-".into(), |at| when::relative(look, at)), None),
            (row.dead.to_string(), dead),
        ]);
    }
    (!shared.inboxes.is_empty()).then(|| table.draw(look))
}

fn storage(shared: &Coordination, named: Named<'_>, look: &Look) -> Option<String> {
    let mut table = Table::new(&["AGENT", "KEPT", "OF", "LOGS", "OF"]);
    for row in &shared.storage {
        let StorageView { stored, stored_max, logs, logs_max, .. } = &row.storage;
        // Nine tenths: the next checkpoint may be refused.
        let full = (stored.bytes() > stored_max / 10 * 9).then_some(Ink::Red);
        table.row(vec![
            (named(&row.project, &row.agent), None),
            (bytes(stored.bytes()), full),
            (bytes(*stored_max), None),
            (bytes(*logs), None),
            (bytes(*logs_max), None),
        ]);
    }
    (!shared.storage.is_empty()).then(|| table.draw(look))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use expect_test::expect;
    use onboard_domain::lease::Mode;
    use onboard_domain::model::{Scope, Unit};
    use onboard_domain::spec::Priority;
    use onboard_domain::storage::Stored;
    use onboard_web::api::{
        BudgetView, InboxRow, LeaseRow, ModelBudgetRow, Stamp, StorageRow, WaitingRow,
    };

    fn shared() -> Coordination {
        let at = |s: i64| Stamp(samples::NOW.plus(-s * 1000));
        let share = |used: u32, total: u32| Share { used, free: total - used, total };
        let lease = |name: &str, expires| LeaseRow {
            project: "loom".into(),
            project_id: "p0".into(),
            name: name.into(),
            mode: Mode::Exclusive,
            run: "r7".into(),
            agent: "code-optimizer".into(),
            token: 4,
            since: at(90),
            expires,
        };
        Coordination {
            now: Stamp(samples::NOW),
            budget: BudgetView {
                runs: share(2, 8),
                cpu_percent: share(100, 100),
                memory_mb: share(640, 4096),
            },
            leases: vec![lease("build", None), lease("file:src/lib.rs", Some(at(-60)))],
            waiting: vec![
                WaitingRow {
                    run: "r8".into(),
                    agent: "test-gap-finder".into(),
                    project: "loom".into(),
                    project_id: "p0".into(),
                    priority: Priority::High,
                    since: at(30),
                    kind: "lock".into(),
                    waits_for: "`build`, held by r7 of `code-optimizer`".into(),
                    until: None,
                },
                WaitingRow {
                    run: "r9".into(),
                    agent: "plan-keeper".into(),
                    project: "loom".into(),
                    project_id: "p0".into(),
                    priority: Priority::Low,
                    since: at(20),
                    kind: "lease".into(),
                    waits_for: "`file:src` (exclusive), `file:src/lib.rs` is held by r7".into(),
                    until: Some(at(-40)),
                },
            ],
            inboxes: vec![InboxRow {
                agent: "plan-keeper".into(),
                project: "loom".into(),
                project_id: "p0".into(),
                depth: 3,
                depth_max: 200,
                oldest: Some(at(600)),
                dead: 1,
            }],
            storage: vec![StorageRow {
                agent: "plan-keeper".into(),
                project: "loom".into(),
                project_id: "p0".into(),
                storage: StorageView {
                    stored: Stored { checkpoints: 90 << 20, shared: 1_000, ..Stored::default() },
                    stored_max: 96 << 20,
                    logs: 2_000_000,
                    logs_max: 32 << 20,
                    set_by: "the defaults".into(),
                },
            }],
            models: vec![
                models(None, Scope::Total, Unit::Cost, 1_250_000),
                models(Some("thinker"), Scope::PerAgentDay, Unit::Tokens, 50_000_000),
            ],
        }
    }

    fn models(agent: Option<&str>, scope: Scope, unit: Unit, used: u64) -> ModelBudgetRow {
        ModelBudgetRow {
            agent: agent.map(Into::into),
            project: agent.map(|_| "loom".into()),
            scope,
            unit,
            used,
            reserved: if agent.is_some() { 0 } else { 10_000 },
            limit: 50_000_000,
            origin: "models.yaml:12:9".into(),
        }
    }

    #[test]
    fn what_is_shared() {
        let look = samples::look(None, false);
        let mut empty = shared();
        (empty.leases, empty.waiting, empty.inboxes) = Default::default();
        empty.models = Vec::new();
        let drawn = format!("{}\n{}", status(&shared(), true, &look), status(&empty, false, &look));
        expect![[r#"
            BUDGET     USED    FREE     TOTAL
            runs       2       6        8
            processor  100 %   0 %      100 %
            memory     640 MB  3456 MB  4096 MB

            Leases
            NAME             MODE       RUN  AGENT                TOKEN  SINCE       EXPIRES
            build            exclusive  r7   loom/code-optimizer  4      1m 30s ago  to its end
            file:src/lib.rs  exclusive  r7   loom/code-optimizer  4      1m 30s ago  in 1m

            Waiting
            RUN  AGENT                 PRIORITY  SINCE    GIVES UP  KIND   WAITS FOR
            r8   loom/test-gap-finder  high      30s ago  -         lock   `build`, held by r7 of `code-optimizer`
            r9   loom/plan-keeper      low       20s ago  in 40s    lease  `file:src` (exclusive), `file:src/lib.rs` is held by r7

            Inboxes
            AGENT             MESSAGES  OLDEST   DEAD
            loom/plan-keeper  3 of 200  10m ago  1

            Models
            BUDGET                OF            USED                        LIMIT            WRITTEN IN
            total.cost            all           1.25, 0.01 of it set aside  50.00            models.yaml:12:9
            per_agent_day.tokens  loom/thinker  50000000 tokens             50000000 tokens  models.yaml:12:9

            Storage
            AGENT             KEPT      OF        LOGS     OF
            loom/plan-keeper  90.0 MiB  96.0 MiB  1.9 MiB  32.0 MiB

            BUDGET     USED    FREE     TOTAL
            runs       2       6        8
            processor  100 %   0 %      100 %
            memory     640 MB  3456 MB  4096 MB

            Leases  nothing is leased

            Waiting  no run waits for what others have

            Inboxes  all are empty

            Storage
            AGENT        KEPT      OF        LOGS     OF
            plan-keeper  90.0 MiB  96.0 MiB  1.9 MiB  32.0 MiB
        "#]].assert_eq(&drawn);
    }
}
