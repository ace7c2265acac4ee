//! One walk over a syntax tree, for every language: complexity, notes and tokens.
//!
//! The walk keeps its own stack and goes through the tree with a cursor, so that no text, however
//! nested, can exhaust the thread's stack; parsing and walking stop at fixed numbers of steps.

use core::cell::Cell;
use core::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, Parser, Tree, TreeCursor};

use super::grammar::{Grammar, Mark, Meaning, Role, stamp};
use super::{Depth, FileMetrics, Function, MOST_NOTES, Token};
use crate::note::in_comment_text;

/// Nodes visited of one file. A megabyte of dense code has about half a million.
pub const MOST_NODES: usize = 2_000_000;
/// Reports of progress after which parsing is given up; the parser makes one about every hundred
/// operations, and a megabyte of ordinary code takes some ten thousand.
const MOST_REPORTS: usize = 400_000;
/// The parser is handed the text in pieces of this size.
const CHUNK_BYTES: usize = 4_096;
/// And may read it so often. Ordinary code is read about twice; what is read more is broken.
const MOST_READS: usize = 100;
/// Names are cut here.
const LONGEST_NAME: usize = 120;
/// Declarators inside declarators followed to find a function's name.
const DEEPEST_DECLARATOR: usize = 32;
/// What a function without a name is called.
const ANONYMOUS: &str = "(anonymous)";

/// Fills in what the grammar tells of the text.
pub(super) fn walk(
    grammar: &Grammar,
    text: &[u8],
    file: &mut FileMetrics,
    tokens: Option<&mut Vec<Token>>,
) {
    let Some(tree) = parse(grammar, text) else {
        file.depth = Depth::Cut;
        file.notes = crate::note::list(text, MOST_NOTES);
        file.note_count = crate::note::count(text);
        return;
    };
    let mut walk = Walk {
        grammar,
        text,
        tokens,
        frames: Vec::new(),
        entries: Vec::new(),
        owners: Vec::new(),
        file,
        error_bytes: 0,
    };
    let whole = walk.run(&mut tree.walk());
    let errors = walk.error_bytes as f64;
    file.depth = if whole { Depth::Functions } else { Depth::Cut };
    file.error_share = if text.is_empty() { 0.0 } else { errors / text.len() as f64 };
}

/// Parses within the bounds. A broken text can make the parser look ahead to its end from every
/// line, so what it reads is counted too.
fn parse(grammar: &Grammar, text: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar.language).ok()?;
    let left = Cell::new(text.len() * MOST_READS + CHUNK_BYTES);
    let mut reports = 0;
    let mut progress = |_: &tree_sitter::ParseState| {
        reports += 1;
        let spent = reports > MOST_REPORTS || left.get() == 0;
        if spent { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |at: usize, _| {
        let end = text.len().min(at.saturating_add(CHUNK_BYTES.min(left.get())));
        let chunk = text.get(at..end).unwrap_or_default();
        left.set(left.get() - chunk.len());
        chunk
    };
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.filter(|_| left.get() > 0)
}

/// A node between the root and where the walk is.
struct Frame<'tree> {
    node: Node<'tree>,
    role: Role,
    /// Control structures around this node's children.
    nesting: u32,
    /// The frame that keeps the run of logical operators this node is part of.
    run: Option<usize>,
    /// The last logical operator of the run, where this frame keeps one.
    last_joint: u32,
    /// Arms met so far.
    arms: u32,
    opens_entry: bool,
    opens_owner: bool,
    in_error: bool,
}

/// A function that is being walked through.
struct Entry {
    function: Function,
    /// Nesting at its own beginning.
    base: u32,
    anonymous: bool,
    recursive: bool,
}

struct Walk<'a, 'tree> {
    grammar: &'a Grammar,
    text: &'a [u8],
    tokens: Option<&'a mut Vec<Token>>,
    frames: Vec<Frame<'tree>>,
    entries: Vec<Entry>,
    owners: Vec<String>,
    file: &'a mut FileMetrics,
    error_bytes: usize,
}

impl<'tree> Walk<'_, 'tree> {
    /// Visits every node, and says whether the budget was enough for all of them.
    fn run(&mut self, cursor: &mut TreeCursor<'tree>) -> bool {
        for _ in 0..MOST_NODES {
            let descends = self.enter(cursor);
            if descends && cursor.goto_first_child() {
                continue;
            }
            self.leave();
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return true;
                }
                self.leave();
            }
        }
        while !self.frames.is_empty() {
            self.leave();
        }
        false
    }

    /// Judges a node and pushes its frame; says whether its children matter.
    fn enter(&mut self, cursor: &TreeCursor<'tree>) -> bool {
        let node = cursor.node();
        let meaning = self.grammar.meaning(node.kind_id());
        let alternative =
            self.grammar.alternative.is_some() && cursor.field_id() == self.grammar.alternative;
        let mut frame = self.frame(node, meaning);
        if self.is_directive_condition(cursor) {
            self.frames.push(frame);
            return false;
        }
        self.count_decision(meaning);
        if meaning.joint {
            self.count_joint(meaning);
        }
        self.count_flow(&mut frame, meaning.role, alternative);
        match meaning.role {
            Role::Function | Role::Closure => self.open_entry(&mut frame),
            Role::Lambda if !self.entries.is_empty() => frame.nesting += 1,
            Role::Type => self.open_owner(&mut frame),
            Role::Comment => self.note(node),
            _ => {}
        }
        let is_leaf = meaning.role == Role::Literal || node.child_count() == 0;
        if is_leaf && meaning.role != Role::Comment {
            self.token(node, meaning);
        }
        self.frames.push(frame);
        !is_leaf && meaning.role != Role::Comment
    }

    fn is_directive_condition(&self, cursor: &TreeCursor<'tree>) -> bool {
        self.frames.last().is_some_and(|frame| frame.role == Role::Directive)
            && self.grammar.condition.is_some()
            && cursor.field_id() == self.grammar.condition
    }

    fn frame(&mut self, node: Node<'tree>, meaning: Meaning) -> Frame<'tree> {
        let parent = self.frames.last();
        let in_error = parent.is_some_and(|frame| frame.in_error);
        if node.is_error() && !in_error {
            self.error_bytes += node.byte_range().len();
        }
        let place = self.frames.len();
        let run = parent.and_then(|frame| frame.run);
        let run = match meaning.role {
            Role::Operation => Some(run.unwrap_or(place)),
            Role::Brackets => run,
            _ => None,
        };
        Frame {
            node,
            role: meaning.role,
            nesting: parent.map_or(0, |frame| frame.nesting),
            run,
            last_joint: 0,
            arms: 0,
            opens_entry: false,
            opens_owner: false,
            in_error: in_error || node.is_error(),
        }
    }

    /// Cyclomatic complexity: lizard's words, arms after the first, and told marks.
    fn count_decision(&mut self, meaning: Meaning) {
        let parent = self.frames.last_mut();
        let told = matches!(
            (parent.as_ref().map(|frame| frame.role), meaning.marks),
            (Some(Role::LetElse), Some(Mark::Else)) | (Some(Role::Defaulted), Some(Mark::Equals))
        );
        let mut decisions = u32::from(meaning.decision || told);
        if meaning.role == Role::Arm
            && let Some(parent) = parent
        {
            decisions += u32::from(parent.arms > 0);
            parent.arms += 1;
        }
        if let Some(entry) = self.entries.last_mut() {
            entry.function.cyclomatic += decisions;
        }
        if told && meaning.marks == Some(Mark::Else) {
            let nesting = self.frames.last().map_or(0, |frame| frame.nesting);
            self.add(1, Some(nesting));
        }
    }

    /// One step for each run of like operators: `a && b && c` is one, `a && b || c` two.
    fn count_joint(&mut self, meaning: Meaning) {
        let Some(keeper) = self.frames.last().and_then(|frame| frame.run) else { return };
        let keeper = &mut self.frames[keeper];
        if keeper.last_joint != meaning.stamp {
            keeper.last_joint = meaning.stamp;
            self.add(1, None);
        }
    }

    /// Cognitive complexity of control flow: the increments and the nesting of SonarSource's rules.
    fn count_flow(&mut self, frame: &mut Frame<'tree>, role: Role, alternative: bool) {
        let nesting = frame.nesting;
        let parent = self.frames.last().map(|frame| frame.role);
        match role {
            Role::If if self.is_else_if(parent, alternative) => self.add(1, None),
            Role::If | Role::Loop | Role::Switch | Role::Catch | Role::Ternary => {
                self.add(1, Some(nesting));
                frame.nesting += 1;
            }
            Role::ElseIf | Role::Goto => self.add(1, None),
            Role::Else => {
                let of_if = matches!(parent, Some(Role::If | Role::ElseIf));
                if of_if && !self.holds_only_if(frame.node) {
                    self.add(1, None);
                }
            }
            // In grammars without a node for `else`, the branch itself is the mark.
            _ if alternative && parent == Some(Role::If) => self.add(1, None),
            Role::Label if parent == Some(Role::Jump) => self.add(1, None),
            Role::Name | Role::Plain | Role::Label => self.note_recursion(frame.node),
            _ => {}
        }
    }

    /// `else if`, as an `if` in the place of the other branch.
    fn is_else_if(&self, parent: Option<Role>, alternative: bool) -> bool {
        let grandparent = self.frames.len().checked_sub(2).map(|at| self.frames[at].role);
        match parent {
            Some(Role::If) => alternative,
            Some(Role::Else) => matches!(grandparent, Some(Role::If | Role::ElseIf)),
            _ => false,
        }
    }

    fn holds_only_if(&self, node: Node<'tree>) -> bool {
        let last = u32::try_from(node.named_child_count()).unwrap_or(0).checked_sub(1);
        let last = last.and_then(|at| node.named_child(at));
        last.is_some_and(|child| self.grammar.meaning(child.kind_id()).role == Role::If)
    }

    /// One step for a function that calls itself by its bare name.
    fn note_recursion(&mut self, node: Node<'tree>) {
        let Some(parent) = self.frames.last() else { return };
        let is_call = self.grammar.meaning(parent.node.kind_id()).call;
        if !is_call || node.child_count() > 0 || !node.is_named() {
            return;
        }
        let Some(entry) = self.entries.last_mut().filter(|entry| !entry.recursive) else {
            return;
        };
        let called = ["function", "method", "name"]
            .iter()
            .find_map(|field| parent.node.child_by_field_name(field));
        let bare = parent.node.child_by_field_name("receiver").is_none();
        let text = &self.text[node.byte_range()];
        if bare && called == Some(node) && text == entry.function.name.as_bytes() {
            entry.recursive = true;
            self.add(1, None);
        }
    }

    /// Adds to the innermost function, and through one without a name to the named one around it.
    fn add(&mut self, steps: u32, nested_in: Option<u32>) {
        let mut around = self.entries.iter_mut().rev();
        let Some(innermost) = around.next() else { return };
        let named = if innermost.anonymous { around.find(|entry| !entry.anonymous) } else { None };
        for entry in [Some(innermost), named].into_iter().flatten() {
            entry.function.cognitive += steps;
            if let Some(nesting) = nested_in {
                let depth = nesting.saturating_sub(entry.base);
                entry.function.cognitive += depth;
                entry.function.nesting = entry.function.nesting.max(depth + 1);
            }
        }
    }

    fn open_entry(&mut self, frame: &mut Frame<'tree>) {
        let node = frame.node;
        if self.grammar.needs_body && node.child_by_field_name("body").is_none() {
            return;
        }
        let name = match frame.role {
            Role::Function => self.name_of(node),
            _ => self.binding(),
        };
        let anonymous = name.is_none();
        if anonymous && !self.entries.is_empty() {
            frame.nesting += 1;
        }
        let owner = self.receiver(node).or_else(|| self.owners.last().cloned());
        let parameters = self.parameters(node, owner.is_some());
        let included = anonymous && self.entries.iter().any(|entry| !entry.anonymous);
        let function = Function {
            name: name.unwrap_or_else(|| ANONYMOUS.to_owned()),
            owner,
            first_line: row(node.start_position().row),
            last_line: row(node.end_position().row),
            parameters,
            cyclomatic: 1,
            cognitive: 0,
            nesting: 0,
            included,
        };
        self.entries.push(Entry { function, base: frame.nesting, anonymous, recursive: false });
        frame.opens_entry = true;
    }

    /// The name a closure is bound to: by a variable, a property, a field, an assignment.
    fn binding(&self) -> Option<String> {
        let parent = self.frames.last()?;
        let kind = parent.node.kind();
        let field = match kind {
            "variable_declarator" => "name",
            "pair" => "key",
            "assignment_expression" => "left",
            "field_definition" => "property",
            "public_field_definition" => "name",
            _ => return None,
        };
        let name = parent.node.child_by_field_name(field)?;
        let last = name.child_by_field_name("property").unwrap_or(name);
        Some(self.words(last))
    }

    fn name_of(&self, node: Node<'tree>) -> Option<String> {
        if let Some(name) = node.child_by_field_name("name") {
            return Some(self.words(name));
        }
        let mut inner = node.child_by_field_name("declarator");
        for _ in 0..DEEPEST_DECLARATOR {
            let node = inner?;
            inner = match node.child_by_field_name("declarator") {
                None if node.kind().ends_with("_declarator") => node.named_child(0),
                None => return Some(self.words(node)),
                deeper => deeper,
            };
        }
        // C# names destructors and conversions by their type.
        None
    }

    /// Go's receiver, without its pointer and its type's arguments.
    fn receiver(&self, node: Node<'tree>) -> Option<String> {
        let receiver = node.child_by_field_name("receiver")?;
        let parameter = receiver.named_child(0)?;
        let text = self.words(parameter.child_by_field_name("type")?);
        let text = text.trim_start_matches('*');
        Some(text.split('[').next().unwrap_or(text).to_owned())
    }

    fn open_owner(&mut self, frame: &mut Frame<'tree>) {
        let name = ["name", "type"].iter().find_map(|field| frame.node.child_by_field_name(field));
        if let Some(name) = name {
            let text = self.words(name);
            let short = text.split(['<', '\n']).next().unwrap_or(&text).trim().to_owned();
            self.owners.push(short);
            frame.opens_owner = true;
        }
    }

    /// Parameters without the receiver (`self`, `&self`), separators and `void`.
    fn parameters(&self, node: Node<'tree>, owned: bool) -> u32 {
        let mut inner = Some(node);
        let mut list = None;
        for _ in 0..DEEPEST_DECLARATOR {
            let Some(node) = inner else { break };
            list = node.child_by_field_name("parameters");
            if list.is_some() {
                break;
            }
            inner = node.child_by_field_name("declarator");
        }
        let Some(list) = list else {
            return u32::from(node.child_by_field_name("parameter").is_some());
        };
        let mut cursor = list.walk();
        let children = list.named_children(&mut cursor).enumerate();
        children.map(|(at, child)| self.parameter(at, child, owned)).sum()
    }

    fn parameter(&self, at: usize, child: Node<'tree>, owned: bool) -> u32 {
        let text = &self.text[child.byte_range()];
        match child.kind() {
            "self_parameter"
            | "receiver_parameter"
            | "keyword_separator"
            | "positional_separator"
            | "attribute_item" => 0,
            "identifier" if at == 0 && owned && [&b"self"[..], b"cls"].contains(&text) => 0,
            "parameter_declaration" if text == b"void" => 0,
            // Go declares several of one type at once: `a, b int`.
            "parameter_declaration" => {
                let mut cursor = child.walk();
                let names = child.children_by_field_name("name", &mut cursor).count();
                u32::try_from(names).unwrap_or(u32::MAX).max(1)
            }
            _ if self.grammar.meaning(child.kind_id()).role == Role::Comment => 0,
            _ => 1,
        }
    }

    fn words(&self, node: Node<'tree>) -> String {
        let range = node.byte_range();
        let end = range.end.min(range.start + LONGEST_NAME);
        String::from_utf8_lossy(&self.text[range.start..end]).into_owned()
    }

    fn note(&mut self, node: Node<'tree>) {
        let text = &self.text[node.byte_range()];
        for note in in_comment_text(text, row(node.start_position().row)) {
            self.file.note_count += 1;
            if self.file.notes.len() < MOST_NOTES {
                self.file.notes.push(note);
            }
        }
    }

    /// The class of a leaf: its kind, with all names alike and all constants alike.
    fn token(&mut self, node: Node<'tree>, meaning: Meaning) {
        const NAME: u32 = stamp("a name");
        const LITERAL: u32 = stamp("a constant");
        let Some(tokens) = &mut self.tokens else { return };
        let class = match meaning.role {
            Role::Name | Role::Label => NAME,
            Role::Literal => LITERAL,
            _ => meaning.stamp,
        };
        if !node.byte_range().is_empty() {
            tokens.push(Token { class, line: row(node.start_position().row) });
        }
    }

    fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.opens_entry
            && let Some(entry) = self.entries.pop()
        {
            self.file.functions.push(entry.function);
        }
        if frame.opens_owner {
            self.owners.pop();
        }
    }
}

fn row(zero_based: usize) -> u32 {
    u32::try_from(zero_based + 1).unwrap_or(u32::MAX)
}
