"""All verbs of `mef-bridge`, by noun: what `--help` lists, and where each is to be found when it is used.

The help of a verb is the first paragraph of its function's docstring; a test holds the two together.
"""

from typing import Final

from bridge.cli.verb import Verb, Verbs, noun

COMMANDS: Final[tuple[Verb | Verbs, ...]] = (
    Verb(
        "serve",
        "bridge.cli.serve:serve",
        "Run the bridge until SIGINT or SIGTERM. SIGHUP makes it take up changed packs.",
    ),
    Verb(
        "init",
        "bridge.cli.init:init",
        "Make a working directory for a Seller: settings, a Buyer with a key, a pack to begin with, a compose file.",
    ),
    Verb(
        "doctor",
        "bridge.cli.doctor:doctor",
        "Look at a set-up: settings, packs, Buyers, database, RabbitMQ, clock. Exit code 1 if something is wrong.",
    ),
    Verb(
        "demo",
        "bridge.cli.demo:demo",
        "Play a WFM, the bridge and a Buyer, and hold every step to the standard. Exit code 0 only if all held.",
    ),
    Verb(
        "conformance",
        "bridge.cli.conformance:conformance",
        "Hold a MEF 137 implementation to R1-R64 and O1-O4, as a Buyer with a real callback listener.",
    ),
    Verb(
        "asyncapi",
        "bridge.cli.asyncapi:print_asyncapi",
        "Print the bus side as AsyncAPI 3.0 (JSON): queues, exchanges, messages, commands and replies of all packs.",
    ),
    noun(
        "simulate",
        "Run a simulated WFM or Buyer.",
        Verb("wfm", "bridge.cli.simulate:wfm", "Run the simulated legacy WFM with its control server."),
        Verb(
            "buyer",
            "bridge.cli.simulate:buyer",
            "Run the simulated Buyer: registers its listener and keeps what it is told.",
        ),
    ),
    noun(
        "mapping",
        "Check packs and try them out.",
        Verb(
            "check",
            "bridge.cli.mapping.check:check",
            "Report every problem of packs as file:line:column: kind: message; exit code 1 if there is one.",
        ),
        Verb(
            "test",
            "bridge.cli.mapping.cases:run",
            "Run a pack's cases; exit code 1 if one comes out otherwise, or they cover less than is asked for.",
        ),
        Verb(
            "diff",
            "bridge.cli.mapping.diff:run",
            "Replay what was recorded through two packs; exit code 1 if Buyers or the WFM would see anything "
            "otherwise.",
        ),
        Verb(
            "explain",
            "bridge.cli.mapping.explain:run",
            "Explain a message: each field, each rule with the cell that failed, the hops, what is seen and what is "
            "sent.",
        ),
        Verb("schema", "bridge.cli.mapping.drawings:schema", "Print the JSON Schema of pack.yaml, for editors."),
        Verb(
            "diagram",
            "bridge.cli.mapping.drawings:draw",
            "Print a Mermaid diagram of the WFM's codes and what the Buyer sees of them.",
        ),
        Verb(
            "new",
            "bridge.cli.mapping.new:run",
            "Write a commented starter pack from sample messages, and a case of them; what cannot be guessed is a "
            "TODO.",
        ),
    ),
    Verb(
        "trace",
        "bridge.cli.trace:trace",
        "Tell the story of one thing in order: messages, hops, commands, results, webhooks, and what waits. Reads "
        "only.",
    ),
    noun(
        "messages",
        "The journal of WFM messages.",
        Verb(
            "list",
            "bridge.cli.messages:list_messages",
            "List the newest messages with what the bridge did and why. Reads only.",
        ),
        Verb(
            "show",
            "bridge.cli.messages:show_message",
            "Show one message in full: as it came, what became of it, and how that was found. Reads only.",
        ),
        Verb(
            "discard",
            "bridge.cli.messages:discard_messages",
            "Set parked messages aside for good, with a note: they count as ignored, and no replay takes them up "
            "again.",
        ),
        Verb(
            "replay",
            "bridge.cli.replay:replay_messages",
            "Apply parked messages anew, by the packs as they are now. The bridge may run meanwhile.",
        ),
    ),
    noun(
        "deliveries",
        "Notifications to the Buyers' listeners.",
        Verb(
            "list",
            "bridge.cli.deliveries:list_deliveries",
            "List the newest notifications: where they go, how the last attempt ended, when the next is due or what "
            "they wait behind. Reads only.",
        ),
        Verb(
            "show",
            "bridge.cli.deliveries:show_delivery",
            "Show one notification with every attempt at it: when, what was answered, and how the answer began. Reads "
            "only.",
        ),
        Verb(
            "retry",
            "bridge.cli.deliveries:retry_deliveries",
            "Send notifications now that wait for their next attempt, or (by number) were given up: with the eventId "
            "they had, and all attempts before them.",
        ),
        Verb(
            "replay",
            "bridge.cli.deliveries:replay_deliveries",
            "Send again what is over, by Buyer, listener, event type and time, oldest first, with the eventId it had.",
        ),
    ),
    noun(
        "listeners",
        "The Buyers' listeners.",
        Verb(
            "list",
            "bridge.cli.listeners:list_listeners",
            "List the listeners: whose, whether they take what they are sent, and how much waits. Reads only.",
        ),
        Verb(
            "show",
            "bridge.cli.listeners:show_listener",
            "Show one listener: its registration, how it is, and how much waits for it. Reads only.",
        ),
        Verb(
            "pause",
            "bridge.cli.listeners:pause_listener",
            "Pause a listener: it is sent nothing, and what it should hear is kept until it is resumed.",
        ),
        Verb(
            "resume",
            "bridge.cli.listeners:resume_listener",
            "Resume a listener that was paused, or disabled because it failed: what was kept for it is sent, in order, "
            "with all attempts before it.",
        ),
        Verb(
            "remove",
            "bridge.cli.listeners:remove_listener",
            "Remove a listener for good, as if its Buyer had: what waits for it is given up.",
        ),
        Verb(
            "ping",
            "bridge.cli.ping:ping_listener",
            "Ask whether a listener can be reached, the way its notifications are sent: by OPTIONS, and without an "
            "event.",
        ),
        Verb(
            "key",
            "bridge.cli.listeners:make_key",
            "Make a key that signs notifications, and print it: for the Seller's settings and for the Buyer.",
        ),
    ),
    noun(
        "commands",
        "What Buyers had the WFM asked.",
        Verb(
            "list",
            "bridge.cli.wfm_commands:list_commands",
            "List the newest commands of Buyers towards the WFM: state, age, job, and what came of each. Reads only.",
        ),
        Verb(
            "show",
            "bridge.cli.wfm_commands:show_command",
            "Show one command: what was asked, the WFM's replies, what came of it, and what takes it back. Reads only.",
        ),
    ),
    noun(
        "requests",
        "Requests of Buyers that were refused.",
        Verb(
            "list",
            "bridge.cli.requests:list_requests",
            "List the newest requests of Buyers that were refused: with which status, and why. Reads only.",
        ),
    ),
    noun(
        "outbox",
        "Messages for the WFM that follow from decisions: notes, ticket states, bookings taken back.",
        Verb(
            "list",
            "bridge.cli.outbox:list_outbox",
            "List the newest messages for the WFM: where they go, what went wrong, when they are due or what they wait "
            "behind. Reads only.",
        ),
        Verb(
            "show",
            "bridge.cli.outbox:show_outbox",
            "Show one message for the WFM in full. Reads only.",
        ),
        Verb(
            "retry",
            "bridge.cli.outbox:retry_outbox",
            "Send messages for the WFM now that wait for their next attempt.",
        ),
    ),
    noun(
        "token",
        "Development tokens.",
        Verb(
            "key",
            "bridge.cli.tokens:key",
            "Make a private key, and the public half of it as a JWKS file for `identity.jwks`.",
        ),
        Verb("issue", "bridge.cli.tokens:issue", "Make a token and print it. Refused in production."),
    ),
)
