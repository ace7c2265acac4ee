//! What agents share, as rows.

use crate::api::{BudgetView, Coordination, InboxRow, LeaseRow, ModelBudgetRow, Share, WaitingRow};
use onboard_daemon::models::Models;
use onboard_domain::model::{Budget, Scope, Spend};
use onboard_domain::state::bounds;
use onboard_domain::{ProjectId, State, Time};
use onboard_scheduler::{HostSample, Settings, reserved_by_all, waiting};

/// Leases, waiting runs and inboxes of one project or of all; the budget is the machine's.
pub fn view(
    state: &State,
    now: Time,
    host: &HostSample,
    settings: &Settings,
    project: Option<ProjectId>,
) -> Coordination {
    Coordination {
        now: now.into(),
        budget: budget(state, settings),
        leases: leases(state, now, project),
        waiting: waiting_rows(state, now, host, settings, project),
        inboxes: inboxes(state, project),
        models: Vec::new(),
        storage: Vec::new(),
    }
}

/// What budgets of models have left: everybody's, and that of each agent that used any today.
pub fn models(
    state: &State,
    now: Time,
    models: &Models,
    wanted: Option<ProjectId>,
) -> Vec<ModelBudgetRow> {
    let spending = &state.models;
    if models.models.is_empty() && spending.next == 0 {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for budget in models.budgets.iter().filter(|budget| budget.scope == Scope::Total) {
        rows.push(budget_row(budget, spending.total, spending.reserved()));
    }
    for (id, agent) in &state.agents {
        let today = spending.today(*id, now);
        let is_wanted = wanted.is_none_or(|wanted| wanted == agent.project);
        if !is_wanted || today == Spend::default() {
            continue;
        }
        for budget in models.budgets.iter().filter(|budget| budget.scope == Scope::PerAgentDay) {
            rows.push(ModelBudgetRow {
                agent: Some(agent.spec.name.to_string()),
                project: Some(super::project_name(state, agent.project)),
                ..budget_row(budget, today, Spend::default())
            });
        }
    }
    rows
}

fn budget_row(budget: &Budget, used: Spend, reserved: Spend) -> ModelBudgetRow {
    ModelBudgetRow {
        agent: None,
        project: None,
        scope: budget.scope,
        unit: budget.unit,
        used: used.of(budget.unit),
        reserved: reserved.of(budget.unit),
        limit: budget.limit,
        origin: budget.origin.clone(),
    }
}

fn budget(state: &State, settings: &Settings) -> BudgetView {
    let share = |used: u32, total: u32| Share { used, free: total.saturating_sub(used), total };
    let reserved = reserved_by_all(state);
    let active = u32::try_from(state.active.len()).unwrap_or(u32::MAX);
    BudgetView {
        runs: share(active, settings.max_running),
        cpu_percent: share(reserved.cpu_percent, settings.budget.cpu_percent),
        memory_mb: share(reserved.memory_mb, settings.budget.memory_mb),
    }
}

fn leases(state: &State, now: Time, wanted: Option<ProjectId>) -> Vec<LeaseRow> {
    let mut rows = Vec::new();
    for (id, project) in &state.projects {
        if wanted.is_some_and(|wanted| wanted != *id) {
            continue;
        }
        for (name, lease) in &project.leases {
            // One that is over is nobody's, whether or not that was recorded yet.
            for holder in lease.holders().filter(|holder| holder.is_live(now)) {
                let agent = state.runs.get(&holder.run).map(|run| run.agent);
                rows.push(LeaseRow {
                    project: project.name.clone(),
                    project_id: id.to_string(),
                    name: name.clone(),
                    mode: lease.mode,
                    run: holder.run.to_string(),
                    agent: agent.map(|id| super::agent_name(state, id)).unwrap_or_default(),
                    token: holder.token,
                    since: holder.since.into(),
                    expires: holder.expires.map(Into::into),
                });
            }
        }
    }
    rows
}

fn waiting_rows(
    state: &State,
    now: Time,
    host: &HostSample,
    settings: &Settings,
    wanted: Option<ProjectId>,
) -> Vec<WaitingRow> {
    let row = |(id, wait): (onboard_domain::RunId, onboard_scheduler::Wait)| {
        let kind = wait.shared()?;
        let run = state.runs.get(&id)?;
        let agent = state.agents.get(&run.agent)?;
        if wanted.is_some_and(|wanted| wanted != agent.project) {
            return None;
        }
        Some(WaitingRow {
            run: id.to_string(),
            agent: agent.spec.name.to_string(),
            project: super::project_name(state, agent.project),
            project_id: agent.project.to_string(),
            priority: agent.spec.priority,
            since: run.queued.max(run.not_before).into(),
            kind: kind.into(),
            waits_for: wait.to_string(),
            until: None,
        })
    };
    let queued = waiting(state, now, host, settings).into_iter().filter_map(row);
    queued.chain(lease_queue(state, now, wanted)).collect()
}

/// Runs at work that wait for a lease: by priority, then by age, as they get it.
fn lease_queue(state: &State, now: Time, wanted: Option<ProjectId>) -> Vec<WaitingRow> {
    let projects = state.projects.iter().filter(|(id, _)| wanted.is_none_or(|w| w == **id));
    let mut rows = Vec::new();
    for (id, project) in projects {
        for waiter in project.waiting.iter().filter(|waiter| waiter.until > now) {
            let agent = state.runs.get(&waiter.run).and_then(|run| state.agents.get(&run.agent));
            let Some(agent) = agent else { continue };
            let held = project.held_against(&waiter.name, waiter.mode, Some(waiter.run), now);
            let by = match held {
                Some((held, holder)) if held == waiter.name => format!(", held by {}", holder.run),
                Some((held, holder)) => format!(", `{held}` is held by {}", holder.run),
                None => String::new(),
            };
            rows.push(WaitingRow {
                run: waiter.run.to_string(),
                agent: agent.spec.name.to_string(),
                project: project.name.clone(),
                project_id: id.to_string(),
                priority: agent.spec.priority,
                since: waiter.since.into(),
                kind: "lease".into(),
                waits_for: format!("`{}` ({}){by}", waiter.name, waiter.mode.word()),
                until: Some(waiter.until.into()),
            });
        }
    }
    rows.sort_by_key(|row| (row.project_id.clone(), core::cmp::Reverse(row.priority), row.since));
    rows
}

fn inboxes(state: &State, wanted: Option<ProjectId>) -> Vec<InboxRow> {
    let mut rows = Vec::new();
    for (id, agent) in &state.agents {
        let dead = agent.totals.messages_dead;
        let is_wanted = wanted.is_none_or(|wanted| wanted == agent.project);
        if !is_wanted || (agent.inbox.is_empty() && dead == 0) {
            continue;
        }
        rows.push(InboxRow {
            agent: agent.spec.name.to_string(),
            project: super::project_name(state, agent.project),
            project_id: agent.project.to_string(),
            depth: agent.inbox.len(),
            depth_max: bounds::INBOX,
            oldest: state.inbox(*id).next().map(|message| message.sent.into()),
            dead,
        });
    }
    rows
}
