//! The command line: every command, its options and its help.

use crate::commands::LONG_VERSION;
use crate::completing::{agent_names, hook_names, pages};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCandidates;
use onboard_domain::Severity;
use std::path::{Path, PathBuf};

/// What `--help` says last.
const EXIT_CODES: &str = "\
Exit codes: 0 ok · 1 failure · 2 usage · 3 not running · 4 no such agent · 5 refused by policy \
· 6 timed out · 7 daemon unreachable · 8 waits for the council · 9 `check --fail-on` found something \
· 130 interrupted

Environment: AI_ONBOARD_HOME (everything under one folder; otherwise the XDG folders), NO_COLOR, \
CLICOLOR_FORCE";

const EXAMPLES: &str = "\
Examples:
  ai_onboard background-agents start --all
  ai_onboard background-agents status project-health-monitor
  ai_onboard recommendations list";

/// A crew of background agents over your projects: fenced in, scheduled, and overseen by you.
#[derive(Debug, Parser)]
#[command(name = "ai_onboard", version = LONG_VERSION, before_long_help = EXAMPLES, after_long_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Print JSON (the same as --format json)
    #[arg(long, global = true)]
    pub json: bool,
    /// How to print
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Print names only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more columns
    #[arg(long, global = true)]
    pub wide: bool,
    /// The project to work on [default: the one of the current folder]
    #[arg(long, global = true, value_name = "PATH")]
    pub project: Option<PathBuf>,
    /// Print times, not how long ago
    #[arg(long, global = true)]
    pub timestamps: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Colour,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// Ways to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Wide,
    Name,
    Json,
    Ndjson,
}

/// Levels of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// The word for it in the API.
    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start, stop and look after agents
    #[command(subcommand, visible_alias = "bg")]
    BackgroundAgents(AgentsCommand),
    /// What agents found, and what you make of it
    #[command(subcommand)]
    Recommendations(FindingsCommand),
    /// What is worth saying about your commits before you push them: at most three things
    #[command(after_help = "\
Examples:
  ai_onboard check                                  since the branch's upstream, or origin/HEAD
  ai_onboard check --since origin/main --fail-on medium
  ai_onboard check --since origin/main --as sarif > ai_onboard.sarif

It needs no daemon. Where one has indexed the project, that is read instead of history.
Exit codes: 0 judged, whatever was found · 9 found at or above --fail-on · 1 can't be judged ·
2 nothing to compare with")]
    Check(CheckArgs),
    /// What the crew learned about the project, and what it is to forget
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// What agents tried and what followed: look, write down, close
    #[command(subcommand)]
    Incidents(IncidentsCommand),
    /// What a rule says, why, when, and how to end it; without a name, every agent and its rules
    #[command(after_help = "\
Examples:
  ai_onboard explain
  ai_onboard explain quality/hotspot
  ai_onboard explain code-quality-optimizer")]
    Explain {
        /// A rule, an agent, or `check`
        #[arg(value_name = "RULE|AGENT", add = ArgValueCandidates::new(pages))]
        what: Option<String>,
    },
    /// Changes that agents want: look at them, and decide
    #[command(subcommand)]
    Proposals(ProposalsCommand),
    /// What waits for your yes: look at it exactly, approve, reject
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Who decides, and what was decided
    #[command(subcommand)]
    Council(CouncilCommand),
    /// The safety policy: check a file before it is used, and see what is in force
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Secrets that agents use and never see, each for one host
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Webhooks: a forge tells at once what agents would see later, and others are told what wants a person
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// The models that agents may ask, and what that may cost
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Print the JSON Schema of a file, for editors
    Schema { file: SchemaOf },
    /// The process that runs the agents
    #[command(subcommand)]
    Daemon(DaemonCommand),
    /// What this machine can enforce, and what needs a mend
    Doctor,
    /// Who asked for what, and the proof that the record is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Try out schedules
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Let made-up projects live for days in seconds, under the production decisions.
    Simulate(crate::commands::simulate::SimulateArgs),
    /// Print a completion script for a shell; it knows agents' names, too
    #[command(after_help = "\
Examples:
  source <(ai_onboard completions bash)   in ~/.bashrc
  source <(ai_onboard completions zsh)    in ~/.zshrc
  ai_onboard completions fish > ~/.config/fish/completions/ai_onboard.fish")]
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or write all of them
    Man {
        /// Of this agent, or `check` [default: of the program]
        #[arg(value_name = "AGENT", conflicts_with = "folder")]
        page: Option<String>,
        /// Write a page for each command and each agent here
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print the version
    Version,
    /// Run a built-in agent inside its sandbox
    #[command(hide = true)]
    Agent { name: String },
    /// Check or write one proposal, as standard input says; the daemon starts this
    #[command(hide = true, name = onboard_daemon::writing::WRITER)]
    WriteProposal,
    /// Make the copy of the project that this run works on, and become a program in it
    #[command(hide = true, name = onboard_daemon::IN_COPY, disable_help_flag = true)]
    InCopy {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Ask the host of this run, from a script that is an agent
    #[command(hide = true, disable_help_flag = true)]
    Host {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What to compare with: a branch, a tag, a commit [default: the upstream of HEAD, or origin/HEAD]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
    /// Exit with 9 when something this severe, or worse, is found [default: never]
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub fail_on: Option<Threshold>,
    /// What to print it as
    #[arg(long = "as", value_name = "FORM", value_enum)]
    pub form: Option<CheckForm>,
    /// Read history here and now, even where the crew has it indexed
    #[arg(long)]
    pub no_index: bool,
}

/// What `check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckForm {
    Text,
    Json,
    Sarif,
}

/// How severe, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Threshold {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Threshold {
    /// The same, as findings have it.
    pub fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

/// Which agents: by name, or all of the project.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// Agents by name
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all", add = ArgValueCandidates::new(agent_names))]
    pub names: Vec<String>,
    /// All agents of the project; to start, none of its own that never ran
    #[arg(long)]
    pub all: bool,
}

/// `background-agents …`
#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// List agents
    List {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
        /// Only those in this state (idle, scheduled, running, failed, …)
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    /// Put agents on their schedules, run each once now, and show what they find
    Start {
        #[command(flatten)]
        which: Which,
        /// Fail when a first run fails or is not over in time
        #[arg(long)]
        wait: bool,
        /// How long to follow the first runs
        #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
        timeout: i64,
        /// Return at once
        #[arg(long, conflicts_with = "wait")]
        detach: bool,
    },
    /// Take agents off their schedules; running ones are told to end and proven gone
    #[command(after_help = "\
A running agent gets SIGTERM and its `stop_grace` (5s unless its manifest or config.yaml says
otherwise, at most 30s), then SIGKILL.")]
    Stop {
        #[command(flatten)]
        which: Which,
        /// Kill running ones at once
        #[arg(long)]
        now: bool,
        /// How long to wait for the proof
        #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
        timeout: i64,
    },
    /// Remove a stopped agent from the daemon: its findings are resolved, its checkpoints go
    #[command(after_help = "\
Its history and logs stay, and so does its manifest: an agent whose manifest is still there is
registered again, stopped and without memory, when its project next is.")]
    Terminate {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Stop and start again
    Restart {
        #[command(flatten)]
        which: Which,
        /// Kill running ones at once
        #[arg(long)]
        now: bool,
    },
    /// Keep the schedule but start nothing
    Pause {
        #[command(flatten)]
        which: Which,
    },
    /// Resume paused agents; without names and with --reason, lift an emergency shutdown
    #[command(after_help = "\
Examples:
  ai_onboard background-agents resume project-health-monitor
  ai_onboard background-agents resume project-health-monitor --reason 'fixed the loop'   also lifts its quarantine
  ai_onboard background-agents resume --reason 'the disk is mended'   lifts an emergency shutdown")]
    Resume {
        /// Agents by name
        #[arg(value_name = "NAME", add = ArgValueCandidates::new(agent_names))]
        names: Vec<String>,
        /// All agents of the project
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Why; without names this lifts the emergency shutdown
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Run an agent once now, whatever its schedule says
    Run {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
        /// Wait for its end
        #[arg(long)]
        wait: bool,
        /// How long to wait
        #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
        timeout: i64,
    },
    /// How an agent is, and why it is not running
    Status {
        #[command(flatten)]
        which: Which,
        /// Wait until no run of it is queued or running
        #[arg(long)]
        wait: bool,
        /// How long to wait
        #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
        timeout: i64,
    },
    /// Show an agent's settings, or change its schedule in the project's .ai_onboard/config.yaml
    Config {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
        /// The new schedule
        #[arg(long, value_name = "TEXT")]
        schedule: Option<String>,
        /// Show what would change
        #[arg(long, requires = "schedule")]
        dry_run: bool,
        /// Show where each value comes from
        #[arg(long)]
        show_origin: bool,
    },
    /// What an agent printed and said
    Logs {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
        /// The last lines, or `all`
        #[arg(long, value_name = "N", default_value = "100", value_parser = tail)]
        tail: usize,
        /// Go on with what is added
        #[arg(short, long)]
        follow: bool,
        /// Since a time (RFC 3339) or for a duration (1h)
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Until a time (RFC 3339) or a duration ago (1h)
        #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
        until: Option<String>,
        /// Of one run
        #[arg(long, value_name = "ID", value_parser = run_id)]
        run: Option<String>,
        /// Of the newest run that has ended
        #[arg(long, conflicts_with_all = ["run", "follow"])]
        previous: bool,
        /// At least this level
        #[arg(long, value_enum, value_name = "LEVEL")]
        level: Option<Level>,
        /// Only lines with this text
        #[arg(long, value_name = "TEXT")]
        grep: Option<String>,
    },
    /// What agents share: leases, the machine's budget, messages
    #[command(subcommand)]
    Coordination(CoordinationCommand),
    /// What agents used, told, and how each of their rules has done
    Metrics {
        /// Of this agent alone
        #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(agent_names))]
        agent: Option<String>,
    },
    /// What the crew did
    Report {
        /// 7d, 24h, P7D or 2026-11-01..2026-11-07
        #[arg(long, default_value = "7d")]
        period: String,
        /// Write it to a file; its ending chooses the form where --as does not
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Its form; SARIF has the new findings alone
        #[arg(long = "as", value_name = "FORM", value_enum)]
        form: Option<ReportForm>,
    },
    /// End everything now, prove it gone, and let nothing start until it is lifted
    EmergencyShutdown {
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "asked for at the command line")]
        reason: String,
    },
}

/// `background-agents coordination …`
#[derive(Debug, Subcommand)]
pub enum CoordinationCommand {
    /// Who holds which lease, which runs wait for what, and whose inbox fills
    Status {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
    },
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    Markdown,
    Html,
    Json,
    Sarif,
}

impl ReportForm {
    /// The form that a file's name asks for by its ending.
    pub fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            "sarif" => Some(Self::Sarif),
            _ => None,
        }
    }
}

/// `recommendations …`
#[derive(Debug, Subcommand)]
pub enum FindingsCommand {
    /// List the few open findings that are most worthwhile; with --all, every one
    List {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
        /// Accepted, snoozed and less worthwhile ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one in full
    Show { id: String },
    /// Take it on
    Accept { id: String },
    /// Don't show it for a while
    Snooze {
        id: String,
        /// For how long: an hour to 366 days
        #[arg(long = "for", value_name = "DURATION", default_value = "14d", value_parser = duration)]
        for_ms: i64,
    },
    /// Show what a rule says again, though people found it useless
    Unmute { rule: String },
    /// Never show it again
    Dismiss {
        id: String,
        /// Why; agents that are often dismissed run less often
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `knowledge …`
#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// List what is known, the strongest first
    List,
    /// Show one with the commits that show it
    Show { id: String },
    /// Never know or say it again
    Forget {
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

/// `incidents …`
#[derive(Debug, Subcommand)]
pub enum IncidentsCommand {
    /// List what somebody has to look at; with --all, what is closed too
    List {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
        /// Closed ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one: what was tried, what followed, what people wrote
    Show { id: String },
    /// Write something down
    Note {
        id: String,
        /// What you found
        text: String,
    },
    /// Close it; what its agent tries next opens another
    Close {
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `proposals …`
#[derive(Debug, Subcommand)]
pub enum ProposalsCommand {
    /// List what waits for you; with --all, what is settled too
    List {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
        /// Settled ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one: why, what was checked, and the change itself
    Show { id: String },
    /// Accept it: it is written as a branch, and nothing else is touched
    Apply {
        id: String,
        /// Only if it is still the patch with this SHA-256, as `show` says
        #[arg(long, value_name = "HASH")]
        patch: Option<String>,
        /// Also what of it runs by itself: continuous integration, hooks, our own configuration
        #[arg(long)]
        protected: bool,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Also where a check of the project's own has not passed, for this reason
        #[arg(long, value_name = "REASON", conflicts_with = "reason")]
        despite_check: Option<String>,
    },
    /// Say no; the same patch is not proposed again
    Reject {
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take its branch back: deleted, or undone by a commit where it was built on
    Revert {
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `approvals …`
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// List what waits; with --all, what is settled too
    List {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
        /// Settled ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one, with exactly what is decided on, and who said what
    Show {
        /// Its id, or the beginning of its hash
        id: String,
    },
    /// Say yes, with every seat of the council that you hold
    Approve {
        /// Their ids, or the beginning of their hashes
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Only if it is still exactly what has this hash, as `show` says
        #[arg(long, value_name = "HASH")]
        hash: Option<String>,
        /// With all that wait and are the same kind of action of the same agent: each is shown, and
        /// you are asked; without a terminal name them one by one
        #[arg(long, conflicts_with = "hash")]
        all: bool,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Say no; an agent is told so, and why
    Reject {
        /// Their ids, or the beginning of their hashes
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// With all that wait and are the same kind of action of the same agent
        #[arg(long)]
        all: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `council …`
#[derive(Debug, Subcommand)]
pub enum CouncilCommand {
    /// Who holds which seat, and what each kind of decision needs
    Status,
    /// What was put before it, newest first, with every vote
    Log {
        /// Of all projects
        #[arg(short = 'A', long)]
        all_projects: bool,
    },
}

/// `policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy file, and that it only tightens what binds it; nothing comes into force
    Check {
        file: PathBuf,
        /// Whose it is to be [default: whose place it is in, else the project's]
        #[arg(long, value_enum, value_name = "WHOSE")]
        authority: Option<Whose>,
    },
    /// Show the values that the project's files give now
    Show {
        /// Show where each value comes from
        #[arg(long)]
        show_origin: bool,
    },
    /// Ask whether an agent may do one thing; nothing is done. Exit code 0: allowed, 5: denied
    #[command(after_help = "\
A path is meant from the project's folder; an absolute one is as the agent sees it, with the project
at /project. The answer is the one that a run would get now, from the same judge.

Examples:
  ai_onboard policy try project-health-monitor --read .env
  ai_onboard policy try project-health-monitor --connect example.org:443
  ai_onboard policy try project-health-monitor --exec curl https://example.org")]
    Try {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
        #[command(flatten)]
        attempt: Attempt,
    },
    /// Say what an agent may read, write, reach, run and use, and what follows if it tries more
    Explain {
        #[arg(add = ArgValueCandidates::new(agent_names))]
        name: String,
    },
}

/// One attempt of an agent.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Attempt {
    /// Read a file, or list a folder
    #[arg(long, value_name = "PATH")]
    pub read: Option<String>,
    /// Write a file, or make it
    #[arg(long, value_name = "PATH")]
    pub write: Option<String>,
    /// Connect to a host
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// Start a program, with its arguments
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<String>,
}

/// `credentials …`
#[derive(Debug, Subcommand)]
pub enum CredentialsCommand {
    /// Keep one: the secret is read from standard input, or from a file, never from the command line
    #[command(after_help = "\
Examples:
  ai_onboard credentials add forge --host api.github.com --agent external-tool-integration < token
  ai_onboard credentials add gitlab --host gitlab.example --header 'PRIVATE-TOKEN: {}' --agent my-agent
  ai_onboard credentials add git --host git.example --user me --agent my-agent --file password
  ai_onboard credentials add my-key --host api.models.example < key    for `credential:` in models.yaml

An agent finds its address in AI_ONBOARD_CREDENTIAL_NAME_URL, what is behind it in
AI_ONBOARD_CREDENTIAL_NAME_HOST, and shows AI_ONBOARD_TOKEN there.")]
    Add(NewCredential),
    /// List them, without the secrets
    List,
    /// Forget one
    Remove { name: String },
}

/// A credential to be kept.
#[derive(Clone, Debug, Args)]
pub struct NewCredential {
    /// A name of your own: lower-case letters, digits and `-`
    pub name: String,
    /// The one host that it is for, reached by TLS; or an address of this machine with its port
    #[arg(long, value_name = "HOST")]
    pub host: String,
    /// Where it stands in a request, `{}` in its place
    #[arg(long, value_name = "HEADER", default_value = onboard_daemon::credentials::HEADER)]
    pub header: String,
    /// It is this user's password
    #[arg(long, value_name = "USER", conflicts_with = "header")]
    pub user: Option<String>,
    /// An agent that may use it, in this project; as often as you like. Without one it is a model's key
    #[arg(long = "agent", value_name = "AGENT")]
    pub agents: Vec<String>,
    /// Agents of these names in every project, those of strangers' repositories included
    #[arg(long)]
    pub all_projects: bool,
    /// Read the secret from here
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `hooks …`
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// Take a webhook for this project, or send one; its secret comes from standard input, a file, or is made
    #[command(after_help = "\
Examples:
  ai_onboard hooks add forge --from github --generate    prints the secret, for the forge's page
  ai_onboard hooks add forge --from gitlab < secret
  ai_onboard hooks add ci --from standard --file secret
  ai_onboard hooks add chat --to https://chat.example.org/hooks/7 --generate
  ai_onboard hooks add pager --to https://pager.example.org/ --on incident --on emergency --file secret

It is taken where `hooks_listen` in your config.yaml says, nowhere by default:
  daemon:
    hooks_listen: 8722")]
    Add(NewHook),
    /// List them, without the secrets
    List,
    /// What one brought, and what was not taken
    Show {
        #[arg(add = ArgValueCandidates::new(hook_names))]
        name: String,
    },
    /// Forget one
    Remove {
        #[arg(add = ArgValueCandidates::new(hook_names))]
        name: String,
    },
    /// Send it one as its sender would, and say what is answered; agents that wait for it are woken
    Test {
        #[arg(add = ArgValueCandidates::new(hook_names))]
        name: String,
    },
}

/// A webhook to be kept.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["from", "to"]))]
pub struct NewHook {
    /// A name of your own: lower-case letters, digits and `-`
    pub name: String,
    /// Who sends it: how it proves that it has the secret
    #[arg(long, value_enum, value_name = "SENDER")]
    pub from: Option<From>,
    /// Tell this address of events: by TLS, or this machine's own address with its port
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// A kind of event, or its beginning; as often as you like [default: what wants a person]
    #[arg(long = "on", value_name = "EVENT", requires = "to")]
    pub events: Vec<String>,
    /// Of every project, not of this one alone
    #[arg(long, requires = "to")]
    pub all_projects: bool,
    /// Its host may have an address that is not public, such as one of your own network
    #[arg(long, requires = "to")]
    pub private: bool,
    /// Make a secret, and print it
    #[arg(long, conflicts_with = "file")]
    pub generate: bool,
    /// Read the secret from here
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Senders of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    Github,
    Gitlab,
    /// Forgejo, too
    Gitea,
    /// Standard Webhooks; GitLab's signing tokens, too
    Standard,
}

/// `models …`
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List models and budgets; a file that is wrong is told at file, line and column
    List {
        /// Another file than the one in use
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the manual, which is a file to begin with
    Manual,
}

/// Whose policy a file is; earlier ones bind later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    Organisation,
    User,
    Project,
}

/// Files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Policy,
}

/// `daemon …`
#[derive(Debug, Subcommand)]
pub enum DaemonCommand {
    /// Start it, if it does not run
    Start,
    /// End it; running agents are told to end and proven gone first
    Stop {
        /// Kill running agents at once, also when they were told to end before
        #[arg(long)]
        now: bool,
        /// How long to wait for its end
        #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
        timeout: i64,
    },
    /// How it is
    Status,
    /// Be the daemon, in the foreground
    #[command(hide = true)]
    Run {
        /// Leave the terminal's session
        #[arg(long)]
        detached: bool,
    },
}

/// `audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Who asked for what, newest first
    Log {
        /// So many, rounded up to whole entries of the journal
        #[arg(long, value_name = "N", default_value = "50", value_parser = count)]
        limit: usize,
        /// Only what was before this entry of the journal
        #[arg(long, value_name = "ENTRY")]
        before: Option<u64>,
    },
    /// Prove that nothing was changed since it was written, or name the first break
    Verify,
}

/// `schedule …`
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Show what a schedule means and its next runs
    Preview {
        /// Such as "weekly on friday around 5pm"
        #[arg(value_name = "SCHEDULE")]
        text: String,
        /// How many
        #[arg(long, value_name = "N", default_value = "5", value_parser = count)]
        count: usize,
    },
}

/// Milliseconds of a duration such as `30s` or `1h 30m`.
fn duration(text: &str) -> Result<i64, String> {
    onboard_text::duration::parse(text)
}

/// How many times of a schedule: at most a thousand are worked out.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000) => Ok(count),
        _ => Err("a number from 1 to 1000".into()),
    }
}

/// A run's id, as lists show it.
fn run_id(text: &str) -> Result<String, String> {
    match text.parse::<onboard_domain::RunId>() {
        Ok(run) => Ok(run.to_string()),
        Err(()) => Err("a run's id is `r` and a number, such as `r12`".into()),
    }
}

/// How many lines; `all` is as many as one answer holds.
fn tail(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(onboard_web::past::PAGE_MAX),
        _ => text.parse().map_err(|_| format!("`{text}` is neither a number nor `all`")),
    }
}

impl Global {
    /// Whether to print JSON.
    pub fn is_json(&self) -> bool {
        self.json || matches!(self.format, Some(Format::Json | Format::Ndjson))
    }

    /// Whether to print names only.
    pub fn is_quiet(&self) -> bool {
        self.quiet || self.format == Some(Format::Name)
    }

    /// Whether to print more columns.
    pub fn is_wide(&self) -> bool {
        self.wide || self.format == Some(Format::Wide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn resume_takes_names_or_all() {
        let read = |words: &[&str]| {
            Cli::try_parse_from([&["ai_onboard", "bg", "resume"], words].concat()).is_ok()
        };
        assert!(read(&["monitor"]));
        assert!(read(&["--all"]));
        assert!(read(&["--reason", "mended"]));
        assert!(read(&["monitor", "--reason", "mended"]));
        assert!(!read(&["monitor", "--all"]));
    }
}
