//! The models that agents may ask, and what that may cost: the user's `models.yaml`, in no project's
//! reach. A file that is wrong gives no model to anybody.

use crate::binding::Binding;
use crate::kept::{KeptError, check_name};
use crate::plain;
use onboard_domain::model::{Budget, MICROS, Scope, Unit};
use onboard_egress::broker::{Target, Terms};
use onboard_protocol::Problem;
use onboard_text::{Document, Fields, Item, Span};
use std::path::Path;

/// What stands in the file when nobody has written one: its manual.
pub const EXAMPLE: &str = include_str!("models.yaml");

/// Models of one user at most.
const MODELS: usize = 16;
/// Agents and projects of one model at most.
const BOUND: usize = 256;
/// Bytes of the file.
const TEXT_MAX: u64 = 256 * 1024;
/// The longest answer that may be asked for: larger than any model gives today.
const OUTPUT_MAX: u64 = 1_000_000;
/// The longest answer when nobody says otherwise: some pages.
const OUTPUT: u64 = 4_096;
/// The largest budget of tokens: more than a large company uses in a year.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// Budgets where nobody has written any: what a small project can do without noticing. Tokens, and
/// millionths of money.
const DEFAULTS: [(Scope, u64, u64); 3] = [
    (Scope::PerRun, 200_000, MICROS / 2),
    (Scope::PerAgentDay, 1_000_000, 2 * MICROS),
    (Scope::Total, 20_000_000, 50 * MICROS),
];

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Models {
    pub models: Vec<Model>,
    pub budgets: Vec<Budget>,
}

/// One model.
#[derive(Clone, Debug)]
pub struct Model {
    pub terms: Terms,
    pub endpoint: Target,
    /// The name of the credential that its endpoint wants.
    pub credential: Option<String>,
    pub binding: Binding,
}

/// Reads the file at `path`; no model where there is none.
///
/// # Errors
/// What is wrong with it, at its place.
pub fn read(path: &Path) -> Result<Models, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = match plain::read(path, TEXT_MAX).map_err(|error| fault(&error))? {
        Some(bytes) => String::from_utf8(bytes).map_err(|error| fault(&error))?,
        None => return Ok(Models { models: Vec::new(), budgets: budgets_by_default() }),
    };
    parse(&text, &path.to_string_lossy()).map_err(|problem| problem.to_string())
}

/// Reads a text that people know as `file`.
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse(text: &str, file: &str) -> Result<Models, Problem> {
    let document = Document::parse(file, text)?;
    let root = document.root().fields(&["models", "budgets"])?;
    let mut models: Vec<Model> = Vec::new();
    for item in root.get("models").map_or(Ok(Vec::new()), |list| list.list(MODELS))? {
        let model = model(&document, &item)?;
        if models.iter().any(|known| known.terms.name == model.terms.name) {
            let name = &model.terms.name;
            let problem = item.problem(format!("the model `{name}` is there twice"));
            return Err(problem.mend("give it another name"));
        }
        models.push(model);
    }
    let mut budgets = budgets_by_default();
    if let Some(item) = root.get("budgets") {
        let fields =
            item.fields(&Scope::ALL.iter().map(|scope| scope.word()).collect::<Vec<_>>())?;
        for scope in Scope::ALL {
            for found in budget(&document, &fields, *scope)? {
                let same =
                    |known: &&mut Budget| (known.scope, known.unit) == (found.scope, found.unit);
                if let Some(known) = budgets.iter_mut().find(same) {
                    *known = found;
                }
            }
        }
    }
    Ok(Models { models, budgets })
}

fn budgets_by_default() -> Vec<Budget> {
    let origin = "the defaults";
    let both = |(scope, tokens, cost)| {
        [(Unit::Tokens, tokens), (Unit::Cost, cost)].map(|(unit, limit)| Budget {
            scope,
            unit,
            limit,
            origin: origin.into(),
        })
    };
    DEFAULTS.into_iter().flat_map(both).collect()
}

fn model(document: &Document, item: &Item<'_>) -> Result<Model, Problem> {
    let fields = item.fields(&[
        "name",
        "endpoint",
        "model",
        "credential",
        "agents",
        "projects",
        "max_output_tokens",
        "image_tokens",
        "price",
    ])?;
    let name = name(&fields.required("name")?)?;
    let endpoint = fields.required("endpoint")?;
    let target = Target::url(endpoint.text()?)
        .map_err(|error| endpoint.problem(format!("no endpoint: {error}")))?;
    let credential = fields.get("credential").map(|item| self::name(&item)).transpose()?;
    let (mut max_output_tokens, mut origin) = (OUTPUT, "the defaults".to_string());
    if let Some(item) = fields.get("max_output_tokens") {
        max_output_tokens = item.integer(1..=OUTPUT_MAX)?;
        origin = document.place(item.span()).to_string();
    }
    let image_tokens = fields.get("image_tokens").map(|item| item.integer(1..=OUTPUT_MAX));
    let (mut input_price, mut output_price) = (0, 0);
    if let Some(item) = fields.get("price") {
        let price = item.fields(&["input", "output"])?;
        input_price = money(&price.required("input")?)?;
        output_price = money(&price.required("output")?)?;
    }
    let words = |key: &str| -> Result<Vec<String>, Problem> {
        let Some(list) = fields.get(key) else { return Ok(Vec::new()) };
        list.list(BOUND)?.iter().map(|item| item.text().map(Into::into)).collect()
    };
    fields.required("agents")?;
    Ok(Model {
        terms: Terms {
            name,
            model: fields.required("model")?.text()?.into(),
            max_output_tokens,
            origin,
            image_tokens: image_tokens.transpose()?,
            input_price,
            output_price,
        },
        endpoint: target,
        credential,
        binding: Binding { agents: words("agents")?, projects: words("projects")? },
    })
}

fn name(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    match check_name(text) {
        Ok(()) => Ok(text.into()),
        Err(KeptError::Wrong { what, mend }) => Err(item.problem(what).mend(mend)),
        Err(error) => Err(item.problem(error.to_string())),
    }
}

fn budget(document: &Document, fields: &Fields<'_>, scope: Scope) -> Result<Vec<Budget>, Problem> {
    let Some(item) = fields.get(scope.word()) else { return Ok(Vec::new()) };
    let units = item.fields(&[Unit::Tokens.word(), Unit::Cost.word()])?;
    let at = |span: Span| document.place(span).to_string();
    let mut found = Vec::new();
    if let Some(item) = units.get(Unit::Tokens.word()) {
        let (limit, origin) = (item.integer(0..=TOKENS_MAX)?, at(item.span()));
        found.push(Budget { scope, unit: Unit::Tokens, limit, origin });
    }
    if let Some(item) = units.get(Unit::Cost.word()) {
        let (limit, origin) = (money(&item)?, at(item.span()));
        found.push(Budget { scope, unit: Unit::Cost, limit, origin });
    }
    Ok(found)
}

/// An amount of money, exactly: digits, and at most six behind the point.
fn money(item: &Item<'_>) -> Result<u64, Problem> {
    let text = item.text()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let amount = if digits(whole, 12) && digits(part, 6) {
        let part = format!("{part:0<6}");
        whole.parse::<u64>().ok().zip(part.parse::<u64>().ok())
    } else {
        None
    };
    amount.map(|(whole, part)| whole * MICROS + part).ok_or_else(|| {
        let what = format!("`{}` wants an amount of money, found `{text}`", item.path());
        item.problem(what).mend("write digits, and at most six behind a point, such as `0.50`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::fmt::Write as _;

    fn check(text: &str, expect: Expect) {
        let said = match parse(text, "models.yaml") {
            Err(problem) => problem.to_string(),
            Ok(read) => {
                let mut out = String::new();
                for Model { terms, endpoint, credential, binding } in read.models {
                    let Terms { name, model, max_output_tokens, origin, image_tokens, .. } = &terms;
                    let cost = terms.spend(1_000, 1_000).micros;
                    writeln!(
                        out,
                        "{name}: {model} at {endpoint} {credential:?} {:?} {:?} {max_output_tokens} ({origin}) {image_tokens:?} {cost}",
                        binding.agents, binding.projects
                    )
                    .expect("a string");
                }
                for Budget { scope, unit, limit, origin } in read.budgets {
                    writeln!(out, "{scope}.{unit} {limit} ({origin})").expect("a string");
                }
                out
            }
        };
        expect.assert_eq(&said);
    }

    #[test]
    fn models_and_budgets_have_their_places() {
        check(
            "models:\n  - name: local\n    endpoint: http://127.0.0.1:11434/v1\n    model: qwen3:8b\n    \
             agents: [code-quality-optimizer]\n  - name: big\n    endpoint: https://api.example.org/v1\n    \
             model: big-1\n    credential: big-key\n    agents: [mine]\n    projects: [/home/ada/loom]\n    \
             max_output_tokens: 900\n    image_tokens: 1600\n    price: { input: 0.15, output: 1.2 }\n\
             budgets:\n  per_run: { tokens: 1000, cost: 0.000001 }\n  total: { cost: 3 }\n",
            expect![[r#"
                local: qwen3:8b at http://127.0.0.1:11434/v1 None ["code-quality-optimizer"] [] 4096 (the defaults) None 0
                big: big-1 at https://api.example.org/v1 Some("big-key") ["mine"] ["/home/ada/loom"] 900 (models.yaml:12:24) Some(1600) 1350
                per_run.tokens 1000 (models.yaml:16:22)
                per_run.cost 1 (models.yaml:16:34)
                per_agent_day.tokens 1000000 (the defaults)
                per_agent_day.cost 2000000 (the defaults)
                total.tokens 20000000 (the defaults)
                total.cost 3000000 (models.yaml:17:18)
            "#]],
        );
    }

    #[test]
    fn the_manual_is_a_file_that_is_read() {
        check(
            EXAMPLE,
            expect![[r#"
                per_run.tokens 200000 (models.yaml:36:22)
                per_run.cost 500000 (models.yaml:36:36)
                per_agent_day.tokens 1000000 (models.yaml:37:28)
                per_agent_day.cost 2000000 (models.yaml:37:43)
                total.tokens 20000000 (models.yaml:39:20)
                total.cost 50000000 (models.yaml:39:36)
            "#]],
        );
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let one = |more: &str| {
            format!(
                "models:\n  - {{ name: a, endpoint: 'https://a.example', model: m, agents: [x]{more} }}\n"
            )
        };
        let cases = [
            "models:\n  - { name: a, endpoint: 'http://a.example', model: m, agents: [x] }\n"
                .into(),
            "models:\n  - { name: A, endpoint: 'https://a.example', model: m, agents: [x] }\n"
                .into(),
            "models:\n  - { name: a, endpoint: 'https://a.example', model: m }\n".into(),
            one(", price: { input: 0.1234567, output: 1 }"),
            one(", price: { input: 1e3, output: 1 }"),
            one(", price: { input: -1, output: 1 }"),
            one(", max_output_tokens: 0"),
            one(", image_tokens: 0"),
            one(", key: sk-1"),
            format!("{}{}", one(""), &one("")[8..]),
            "budgets: { per_day: { tokens: 1 } }\n".into(),
            "budgets: { per_run: { tokens: many } }\n".into(),
        ];
        let line = |case: &String| {
            let problem = parse(case, "models.yaml").expect_err("wrong").to_string();
            let mend = problem.lines().last().unwrap_or_default().trim().to_string();
            format!("{} {mend}\n", problem.lines().next().unwrap_or_default())
        };
        expect![[r#"
            models.yaml:2:26: no endpoint: it begins with `https://`, or with `http://`, the loopback address and a port, such as `http://127.0.0.1:11434` |                          ^^^^^^^^^^^^^^^^^^
            models.yaml:2:13: `A` is no name = write up to 32 lower-case letters, digits and `-`, a letter first
            models.yaml:2:5: `agents` is missing = add `agents: …`
            models.yaml:2:86: `models[0].price.input` wants an amount of money, found `0.1234567` = write digits, and at most six behind a point, such as `0.50`
            models.yaml:2:86: `models[0].price.input` wants an amount of money, found `1e3` = write digits, and at most six behind a point, such as `0.50`
            models.yaml:2:86: `models[0].price.input` wants an amount of money, found `-1` = write digits, and at most six behind a point, such as `0.50`
            models.yaml:2:89: `models[0].max_output_tokens` wants a whole number from 1 to 1000000, found `0` |                                                                                         ^
            models.yaml:2:84: `models[0].image_tokens` wants a whole number from 1 to 1000000, found `0` |                                                                                    ^
            models.yaml:2:70: unknown key `key` = known here: `name`, `endpoint`, `model`, `credential`, `agents`, `projects`, `max_output_tokens`, `image_tokens`, `price`
            models.yaml:3:5: the model `a` is there twice = give it another name
            models.yaml:1:12: unknown key `per_day` = known here: `per_run`, `per_agent_day`, `total`
            models.yaml:1:31: `budgets.per_run.tokens` wants a whole number from 0 to 1000000000000, found `many` |                               ^^^^
        "#]].assert_eq(&cases.iter().map(line).collect::<String>());
    }
}
