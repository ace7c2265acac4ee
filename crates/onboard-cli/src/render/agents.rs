//! Lists of agents.

use super::table::Table;
use super::{Look, bytes, state_ink, when};
use onboard_web::api::AgentRow;

/// The list; `wide` adds what each uses.
pub fn list(rows: &[AgentRow], wide: bool, look: &Look) -> String {
    let mut header =
        vec!["NAME", "STATE", "SCHEDULE", "LAST RUN", "NEXT RUN", "RESULT", "ATTENTION"];
    if wide {
        header.extend(["CPU", "MEM", "FAILURES", "PID", "PROJECT"]);
    }
    let mut table = Table::new(&header);
    for row in rows {
        let mut cells = vec![
            (row.name.clone(), None),
            (row.state.to_string(), Some(state_ink(row.state))),
            (row.schedule.clone(), None),
            (last(row, look), None),
            (row.next_run.map_or_else(none, |at| when::relative(look, at)), None),
            (row.last_run.as_ref().map_or_else(none, |run| run.result.clone()), None),
            (if row.attention.is_empty() { none() } else { row.attention.join(", ") }, None),
        ];
        if wide {
            cells.extend(uses(row).map(|cell| (cell, None)));
        }
        table.row(cells);
    }
    table.draw(look)
}

fn none() -> String {
    "-".into()
}

fn last(row: &AgentRow, look: &Look) -> String {
    let Some(run) = &row.last_run else { return none() };
    run.ended.map_or_else(none, |at| when::relative(look, at))
}

fn uses(row: &AgentRow) -> [String; 5] {
    let live = row.live.as_ref();
    [
        live.map_or_else(none, |live| format!("{:.0}%", live.cpu_percent)),
        live.map_or_else(none, |live| bytes(live.memory_bytes)),
        row.consecutive_failures.to_string(),
        live.and_then(|live| live.pid).map_or_else(none, |pid| pid.to_string()),
        row.project.name.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{agent, in_all, look};
    use expect_test::expect;
    use onboard_web::api::StateWord;

    #[test]
    fn a_list_in_all_widths() {
        let rows = [
            agent("project-health-monitor", StateWord::Scheduled),
            agent("fixer", StateWord::Failed),
        ];
        expect![[r#"
            --- 40
            NAME      STATE     SCHEDULE  LAST RUN  NEXT RUN  RESULT    ATTENTI…
            project…  schedul…  every 1…  5s ago    in 10m    succeed…  1 high
            fixer     failed    every 1…  5s ago    in 10m    succeed…  1 high
            --- 80
            NAME           STATE      SCHEDULE      LAST RUN  NEXT RUN  RESULT     ATTENTION
            project-heal…  scheduled  every 15 mi…  5s ago    in 10m    succeeded  1 high
            fixer          failed     every 15 mi…  5s ago    in 10m    succeeded  1 high
            --- 200
            NAME                    STATE      SCHEDULE          LAST RUN  NEXT RUN  RESULT     ATTENTION
            project-health-monitor  scheduled  every 15 minutes  5s ago    in 10m    succeeded  1 high
            fixer                   failed     every 15 minutes  5s ago    in 10m    succeeded  1 high
            --- 80 in colour
            ␛[2mNAME␛[0m           ␛[2mSTATE␛[0m      ␛[2mSCHEDULE␛[0m      ␛[2mLAST RUN␛[0m  ␛[2mNEXT RUN␛[0m  ␛[2mRESULT␛[0m     ␛[2mATTENTION␛[0m
            project-heal…  ␛[32mscheduled␛[0m  every 15 mi…  5s ago    in 10m    succeeded  1 high
            fixer          ␛[31mfailed␛[0m     every 15 mi…  5s ago    in 10m    succeeded  1 high
        "#]].assert_eq(&in_all(|look| list(&rows, false, look)));
    }

    #[test]
    fn off_a_terminal_nothing_is_cut() {
        let rows = [agent("project-health-monitor", StateWord::Scheduled)];
        expect![[r#"
            NAME                    STATE      SCHEDULE          LAST RUN  NEXT RUN  RESULT     ATTENTION  CPU  MEM  FAILURES  PID  PROJECT
            project-health-monitor  scheduled  every 15 minutes  5s ago    in 10m    succeeded  1 high     -    -    0         -    engine
        "#]].assert_eq(&list(&rows, true, &look(None, false)));
    }
}
