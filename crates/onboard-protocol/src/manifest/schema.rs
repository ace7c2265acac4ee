//! The manifest's JSON Schema, for editors and for `ai_onboard schema agent`.

/// JSON Schema (2020-12) of `agent.yaml`.
pub fn schema() -> &'static str {
    SCHEMA
}

const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Manifest of a background agent",
  "type": "object",
  "additionalProperties": false,
  "required": ["name", "schedule"],
  "properties": {
    "name": {
      "type": "string", "maxLength": 64, "pattern": "^[a-z0-9][a-z0-9-]*$"
    },
    "description": { "type": "string", "maxLength": 500 },
    "program": {
      "description": "a file beside this one, or a command line; absent for a built-in agent",
      "oneOf": [
        { "type": "string", "minLength": 1 },
        {
          "type": "array", "minItems": 1, "maxItems": 64,
          "items": { "type": ["string", "number"], "maxLength": 4096 }
        }
      ]
    },
    "schedule": {
      "type": "string", "minLength": 1, "maxLength": 128,
      "examples": ["continuous", "hourly", "daily", "every 2h", "weekly on friday around 5pm"]
    },
    "zone": {
      "type": "string", "minLength": 1, "maxLength": 128, "examples": ["Europe/Berlin"],
      "description": "IANA time zone; the host's when absent"
    },
    "priority": { "enum": ["critical", "high", "medium", "low"], "default": "medium" },
    "resources": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "cpu": { "$ref": "#/$defs/class" },
        "memory": { "$ref": "#/$defs/class" },
        "io": { "$ref": "#/$defs/class" }
      }
    },
    "depends_on": {
      "$ref": "#/$defs/names",
      "description": "agents whose newest run must have ended well first"
    },
    "locks": { "$ref": "#/$defs/names", "description": "held by one run at a time" },
    "limits": {
      "type": "object",
      "additionalProperties": false,
      "description": "what the agent asks for; more than the policy allows is refused",
      "properties": {
        "cpu_percent": { "type": "integer", "minimum": 1, "maximum": 100000 },
        "memory_mb": { "type": "integer", "minimum": 4, "maximum": 4194304 },
        "pids": { "type": "integer", "minimum": 2, "maximum": 4194304 },
        "deadline": { "$ref": "#/$defs/duration" },
        "file_size_mb": { "type": "integer", "minimum": 1, "maximum": 4194304 },
        "io_ops_per_sec": { "type": "integer", "minimum": 1, "maximum": 10000000 }
      }
    },
    "missed": {
      "description": "slots that passed while nothing could run",
      "default": "run_once",
      "oneOf": [
        { "enum": ["skip", "run_once"] },
        {
          "type": "object",
          "additionalProperties": false,
          "required": ["run_all"],
          "properties": { "run_all": { "type": "integer", "minimum": 1, "maximum": 100 } }
        }
      ]
    },
    "overlap": {
      "description": "a slot while the run before it is not over",
      "enum": ["skip", "queue_one", "replace"],
      "default": "skip"
    },
    "retry": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "attempts": { "type": "integer", "minimum": 0, "maximum": 10, "default": 2 },
        "backoff": { "$ref": "#/$defs/duration", "default": "1m" },
        "backoff_max": { "$ref": "#/$defs/duration", "default": "15m" }
      }
    },
    "reads": {
      "description": "when none of it changed, no process is started",
      "type": "array",
      "uniqueItems": true,
      "items": { "enum": ["git", "plan", "inbox"] }
    },
    "shares_facts": {
      "type": "boolean",
      "default": false,
      "description": "its checkpoints may be read by agents that name it in facts_from"
    },
    "facts_from": {
      "$ref": "#/$defs/names",
      "description": "agents whose checkpoints are files in this one's sandbox"
    },
    "wakes_on": {
      "$ref": "#/$defs/names",
      "description": "topics or event kinds, such as project.quality.degraded"
    },
    "settings": {
      "type": "object",
      "maxProperties": 64,
      "description": "words of your own; the run gets them in its task",
      "additionalProperties": { "type": ["string", "number", "boolean"], "maxLength": 1024 }
    },
    "findings_per_day": {
      "type": "integer",
      "minimum": 1,
      "maximum": 500,
      "default": 50,
      "description": "new findings that it may tell a day (UTC); more are counted, not kept"
    },
    "stop_grace": {
      "type": "string",
      "default": "5s",
      "examples": ["0s", "10s"],
      "description": "from SIGTERM to SIGKILL when a run is stopped, at most 30s"
    },
    "checks_proposals": {
      "type": "boolean",
      "default": false,
      "description": "it runs for each proposal, in a private copy of the project with the patch; exit code 0 is yes"
    },
    "shared_keys": {
      "type": "object",
      "additionalProperties": false,
      "description": "beginnings of keys of shared values that it may read and write; all when absent, none when empty",
      "properties": {
        "read": { "$ref": "#/$defs/names" },
        "write": { "$ref": "#/$defs/names" }
      }
    }
  },
  "$defs": {
    "class": { "enum": ["low", "medium", "high"], "default": "medium" },
    "names": {
      "type": "array",
      "maxItems": 64,
      "uniqueItems": true,
      "items": { "type": "string", "minLength": 1, "maxLength": 128 }
    },
    "duration": {
      "type": "string",
      "description": "from a second to a week",
      "examples": ["30s", "10m", "1h 30m"]
    }
  }
}
"##;
