//! The policy's JSON Schema, for editors and for `ai_onboard schema policy`.

/// JSON Schema (2020-12) of a policy file.
pub fn schema() -> &'static str {
    SCHEMA
}

const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Safety policy of background agents",
  "type": "object",
  "additionalProperties": false,
  "required": ["background_agent_safety"],
  "properties": {
    "background_agent_safety": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "resource_limits": {
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "max_cpu_percent": {
              "type": "integer", "minimum": 1, "maximum": 100000, "default": 10,
              "description": "percent of one core"
            },
            "max_memory_mb": {
              "type": "integer", "minimum": 8, "maximum": 4194304, "default": 512
            },
            "max_io_ops_per_sec": {
              "type": "integer", "minimum": 1, "maximum": 10000000, "default": 100
            },
            "max_network_requests": {
              "type": "integer", "minimum": 0, "maximum": 1000000, "default": 50,
              "description": "a minute"
            },
            "max_pids": {
              "type": "integer", "minimum": 2, "maximum": 4194304, "default": 128
            },
            "max_run_minutes": {
              "type": "integer", "minimum": 1, "maximum": 10080, "default": 15
            },
            "max_connections": {
              "type": "integer", "minimum": 1, "maximum": 4096, "default": 64,
              "description": "of one run at a time"
            },
            "max_bandwidth_kb_per_sec": {
              "type": "integer", "minimum": 1, "maximum": 10000000, "default": 8192,
              "description": "of one run, in both directions together"
            },
            "max_transfer_mb": {
              "type": "integer", "minimum": 1, "maximum": 4194304, "default": 1024,
              "description": "of one run, in both directions together"
            },
            "max_storage_mb": {
              "type": "integer", "minimum": 1, "maximum": 4194304, "default": 128,
              "description": "kept for one agent between its runs: checkpoints, shared values, findings, patches that wait, logs"
            }
          }
        },
        "action_restrictions": {
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "file_system": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "read_only_paths": { "$ref": "#/$defs/paths" },
                "forbidden_paths": { "$ref": "#/$defs/paths" },
                "max_file_size_mb": {
                  "type": "integer", "minimum": 1, "maximum": 4194304, "default": 10
                }
              }
            },
            "network": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "allowed_domains": {
                  "type": "array", "maxItems": 256, "uniqueItems": true,
                  "description": "exact names of hosts, lower-case; an empty list allows none",
                  "items": {
                    "type": "string", "minLength": 1, "maxLength": 253,
                    "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
                  }
                },
                "forbidden_protocols": { "$ref": "#/$defs/names" },
                "deny_ech": { "type": "boolean", "default": true }
              }
            },
            "system": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "forbidden_commands": { "$ref": "#/$defs/names" },
                "sandbox_mode": { "type": "boolean", "default": true }
              }
            }
          }
        },
        "escalation": {
          "type": "object",
          "additionalProperties": false,
          "description": "different attempts within a day that have each consequence",
          "properties": {
            "warn": { "type": "integer", "minimum": 1, "maximum": 200, "default": 1 },
            "throttle": { "type": "integer", "minimum": 1, "maximum": 200, "default": 5 },
            "pause": { "type": "integer", "minimum": 1, "maximum": 200, "default": 10 },
            "quarantine": { "type": "integer", "minimum": 1, "maximum": 200, "default": 20 },
            "emergency": {
              "type": "integer", "minimum": 1, "maximum": 200, "default": 3,
              "description": "agents in quarantine at once"
            }
          }
        },
        "escalation_triggers": {
          "type": "array",
          "uniqueItems": true,
          "items": {
            "enum": [
              "resource_limit_exceeded", "forbidden_action_attempted", "unexpected_error_rate",
              "safety_policy_violation", "human_intervention_requested"
            ]
          }
        }
      }
    }
  },
  "$defs": {
    "paths": {
      "type": "array",
      "maxItems": 256,
      "uniqueItems": true,
      "description": "paths inside the project, from its folder; no patterns",
      "items": { "type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[^/~*?\\[\\\\]" }
    },
    "names": {
      "type": "array",
      "maxItems": 256,
      "uniqueItems": true,
      "items": { "type": "string", "minLength": 1, "maxLength": 64 }
    }
  }
}
"##;
