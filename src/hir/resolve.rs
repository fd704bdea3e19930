//! Every name of every module means something: locals, the module's names, ops, builtins.
//!
//! A walk with a stack of local scopes. Fields after a dot, argument names and settings are not names of this kind: what they
//! may be is known once values are.

use std::collections::HashSet;

use super::reads::{Mention, Named, Reader, Reads};
use super::{Definition, Module, ModuleId, Program, builtins};
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::graph::Clock;
use crate::metrics;
use crate::ops;
use crate::source::Span;
use crate::syntax::ast::{self, BodyOf, EntryKind, Expr, ExprKind, ItemKind, MemberKind, Name, StatementKind};

/// Reports names that mean nothing; gives what names what.
pub(super) fn check(program: &Program, problems: &mut Problems) -> Reads {
    let mut reads = Reads::default();
    for index in 0..program.modules.len() {
        let id = ModuleId(index);
        let module = program.module(id);
        // What a part that could not be read would have used is unknown.
        let whole = !problems.iter().any(|problem| is_syntax_of(problem, module));
        let mut walk = Walk::new(program, id, problems);
        for (place, item) in module.tree.items.iter().enumerate() {
            walk.item(item);
            walk.mentions.drain(..).for_each(|mention| reads.add(Reader::Item(id, place), program, &mention));
            for (setting, value) in item.settings().iter().enumerate() {
                walk.expr(&value.value);
                let reader = Reader::Setting { module: id, item: place, setting };
                walk.mentions.drain(..).for_each(|mention| reads.add(reader, program, &mention));
            }
        }
        let used = walk.used;
        if index == 0 && whole {
            unused_imports(module, &used, problems);
        }
    }
    reads
}

impl Program {
    /// What the text of an item or a setting names, in the order in which it is read, with the locals around each place.
    pub fn mentions(&self, reader: Reader) -> Vec<Mention> {
        let mut problems = Problems::default();
        let (Reader::Item(module, index) | Reader::Setting { module, item: index, .. }) = reader;
        let item = self.item(module, index);
        let mut walk = Walk::new(self, module, &mut problems);
        walk.keeps_locals = true;
        match reader {
            Reader::Item(..) => walk.item(item),
            Reader::Setting { setting, .. } => walk.expr(&item.settings()[setting].value),
        }
        walk.mentions
    }
}

fn is_syntax_of(problem: &Diagnostic, module: &Module) -> bool {
    let here = problem.labels.iter().any(|label| label.span.source == module.source);
    here && matches!(problem.code, Code::Syntax | Code::TooDeep)
}

/// An import that nothing reads: what the recipe says of itself is then not true.
fn unused_imports(module: &Module, used: &HashSet<String>, problems: &mut Problems) {
    for item in &module.tree.items {
        let ItemKind::Use { names, .. } = &item.kind else { continue };
        for name in names.iter().filter(|name| !used.contains(&name.text)) {
            problems.add(
                Diagnostic::warning(Code::UnusedImport, format!("`{}` is imported and not used", name.text))
                    .label(name.span, "not used")
                    .help("remove the name from the `use` line"),
            );
        }
    }
}

struct Walk<'a> {
    program: &'a Program,
    id: ModuleId,
    module: &'a Module,
    problems: &'a mut Problems,
    locals: Vec<String>,
    /// Whether mentions are told with the locals around them.
    keeps_locals: bool,
    /// Module-level names that were read.
    used: HashSet<String>,
    /// In a `step`, where `epoch` and its like are the time of the training.
    time: bool,
    mentions: Vec<Mention>,
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, id: ModuleId, problems: &'a mut Problems) -> Walk<'a> {
        let (locals, used, mentions) = Default::default();
        let module = program.module(id);
        Walk { program, id, module, problems, locals, keeps_locals: false, used, time: false, mentions }
    }

    fn mention(&mut self, span: Span, short: bool, named: Named) {
        let locals = if self.keeps_locals { self.locals.clone() } else { Vec::new() };
        self.mentions.push(Mention { span, short, named, locals });
    }

    fn item(&mut self, item: &ast::Item) {
        match &item.kind {
            // The settings of variants and `use` lines are read one by one.
            ItemKind::Supervision { .. } | ItemKind::Use { .. } | ItemKind::UseFile { .. } => {}
            ItemKind::Expect(expect) => self.expect(expect),
            ItemKind::Variant { expects, .. } => expects.iter().for_each(|expect| self.expect(expect)),
            ItemKind::Param { value, range, .. } => {
                self.expr(value);
                range.iter().for_each(|range| self.expr(range));
            }
            ItemKind::Let(binding) => self.expr(&binding.value),
            ItemKind::Fn(function) => self.function(function),
            ItemKind::Net(net) => self.net(net),
            ItemKind::Stage(stage) => self.scope(|walk| {
                if let Some(family) = &stage.family {
                    walk.expr(&family.source);
                    walk.bind(&family.name);
                }
                stage.entries.iter().for_each(|entry| walk.entry(entry));
            }),
        }
    }

    fn expect(&mut self, expect: &ast::Expect) {
        self.measured(&expect.metric);
        [&expect.value].into_iter().chain(&expect.tolerance).for_each(|value| self.expr(value));
    }

    /// The stage in `seeds.cam_iou`, `base.seeds[0].cam_iou`; that there is one is seen when stages are.
    fn measured(&mut self, metric: &Name) {
        let (mut module, mut start) = (self.id, 0);
        while let Some((alias, _)) = metric.text[start..].split_once('.')
            && let Some(used) = self.program.used(module, alias)
        {
            module = used;
            start += alias.len() + 1;
        }
        let length = metric.text[start..].find(['.', '[']).unwrap_or(0);
        if let Some(&index) = self.program.module(module).own().get(&metric.text[start..start + length]) {
            let end = metric.span.start + (start + length) as u32;
            self.mention(Span { end, ..metric.span }, false, Named::Item((module, index)));
        }
    }

    fn scope(&mut self, inside: impl FnOnce(&mut Self)) {
        let depth = self.locals.len();
        inside(self);
        self.locals.truncate(depth);
    }

    fn bind(&mut self, name: &Name) {
        self.locals.push(name.text.clone());
    }

    fn function(&mut self, function: &ast::Function) {
        self.scope(|walk| {
            walk.parameters(&function.parameters);
            walk.expr(&function.body);
        });
    }

    fn parameters(&mut self, parameters: &[ast::Parameter]) {
        for parameter in parameters {
            parameter.default.iter().for_each(|default| self.expr(default));
        }
        let mut seen: Vec<&Name> = Vec::new();
        for parameter in parameters {
            if let Some(first) = seen.iter().find(|name| name.text == parameter.name.text) {
                self.problems.add(
                    Diagnostic::error(Code::DuplicateName, format!("two parameters are called `{}`", first.text))
                        .label(parameter.name.span, "again here")
                        .label(first.span, "first here")
                        .help("rename one of them"),
                );
            }
            seen.push(&parameter.name);
            self.bind(&parameter.name);
        }
    }

    /// Members see one another wherever they stand: a function may call one that is written below it.
    fn net(&mut self, net: &ast::Net) {
        self.scope(|walk| {
            walk.parameters(&net.parameters);
            for member in &net.members {
                if let Some(name) = member.name() {
                    walk.bind(name);
                }
            }
            for member in &net.members {
                match &member.kind {
                    MemberKind::Layer { value, .. } => walk.expr(value),
                    MemberKind::Tensor { dims, init, condition, .. } => {
                        dims.iter().chain([init]).chain(condition).for_each(|expr| walk.expr(expr));
                    }
                    MemberKind::Let(binding) => walk.expr(&binding.value),
                    MemberKind::Fn(function) => walk.function(function),
                    MemberKind::Error => {}
                }
            }
        });
    }

    fn entry(&mut self, entry: &ast::Entry) {
        match &entry.kind {
            EntryKind::Setting(setting) if setting.name.text == "checkpoint" => self.checkpoint(&setting.value),
            EntryKind::Setting(setting) => self.expr(&setting.value),
            EntryKind::Net { name, value } => {
                self.expr(value);
                self.bind(name);
            }
            EntryKind::Paths { entries, .. } => entries.iter().for_each(|setting| self.expr(&setting.value)),
            EntryKind::Memory { ty, initial, .. } => {
                // The lengths of a picture of the stage's data.
                self.scope(|walk| {
                    walk.locals.extend(["H", "W", "K"].map(String::from));
                    ty.dims.iter().flatten().for_each(|dim| walk.expr(dim));
                });
                self.expr(initial);
            }
            EntryKind::Refresh { when, fields, value, .. } => {
                [&when.from, &when.until].into_iter().flatten().for_each(|moment| self.expr(&moment.at));
                when.every.iter().for_each(|every| self.expr(every));
                when.plateau.iter().flat_map(|plateau| &plateau.choices).for_each(|choice| self.expr(&choice.value));
                self.scope(|walk| {
                    walk.time = true;
                    fields.iter().for_each(|field| walk.bind(field));
                    walk.expr(value);
                    walk.time = false;
                });
            }
            EntryKind::Let(binding) => {
                self.expr(&binding.value);
                self.bind(&binding.name);
            }
            EntryKind::Body { of, fields, statements } => {
                if let BodyOf::Validate { every: Some(every) } = of {
                    self.expr(every);
                }
                self.scope(|walk| {
                    walk.time = !matches!(of, BodyOf::Each);
                    fields.iter().for_each(|field| walk.bind(field));
                    statements.iter().for_each(|statement| walk.statement(statement));
                    walk.time = false;
                });
            }
            EntryKind::Error => {}
        }
    }

    /// `last`, `every(5)`, `best(metric)`: the words are no names of the recipe, and neither is the metric.
    fn checkpoint(&mut self, value: &Expr) {
        match &value.kind {
            ExprKind::Cited { value, .. } => self.checkpoint(value),
            ExprKind::Call { callee, arguments } if matches!(&callee.kind, ExprKind::Name(word) if word == "every") => {
                arguments.iter().for_each(|argument| self.expr(&argument.value));
            }
            _ => {}
        }
    }

    fn statement(&mut self, statement: &ast::Statement) {
        match &statement.kind {
            StatementKind::Let(binding) => {
                self.expr(&binding.value);
                self.bind(&binding.name);
            }
            StatementKind::Loss { value, guard, .. } => {
                self.expr(value);
                [&guard.from, &guard.until].into_iter().flatten().for_each(|moment| self.expr(&moment.at));
            }
            StatementKind::Metric { value, .. }
            | StatementKind::Save { value, .. }
            | StatementKind::Show { value: Some(value), .. } => self.expr(value),
            StatementKind::Show { name, value: None } => self.name(&name.text, name.span, true),
            StatementKind::Error => {
                // What a broken `let` would have bound is unknown; names after it may be its.
                self.locals.push(ANYTHING.to_string());
            }
        }
    }

    /// `short` where the name stands for a field and its value.
    fn name(&mut self, text: &str, span: Span, short: bool) {
        if self.locals.iter().any(|local| local == text) {
            return;
        }
        if let Some(definition) = self.module.names.get(text) {
            self.used.insert(text.to_string());
            let named = match definition {
                Definition::Item { module, index } => Named::Item((*module, *index)),
                Definition::Module { modules, .. } => Named::Modules(modules.clone()),
            };
            self.mention(span, short, named);
            return;
        }
        let known = ops::find(text).is_some_and(|op| !op.nature.internal)
            || builtins::is_reserved(text)
            || metrics::find(text).is_some()
            || self.time && Clock::from_word(text).is_some();
        if let Some(builtin) = builtins::find(text) {
            self.used.insert(builtin.name.to_string());
        }
        self.mention(span, short, Named::Word(text.to_string()));
        if known || self.locals.iter().any(|local| local == ANYTHING) {
            return;
        }
        let locals: Vec<String> = self.locals.clone();
        let here = locals.iter().map(String::as_str).chain(self.module.names.keys().map(String::as_str));
        let words = ops::all().filter(|op| !op.nature.internal).map(|op| op.name);
        let words = words.chain(builtins::BUILTINS.iter().map(|builtin| builtin.name));
        let words = words.chain(metrics::METRICS.iter().map(|metric| metric.name));
        let library = crate::stdlib::FILES.iter().find(|file| file.defines(text));
        let help = match (library, suggest::nearest(text, here.chain(words))) {
            _ if ["True", "False", "None"].contains(&text) => format!("it is written `{}`", text.to_lowercase()),
            _ if ["null", "nil"].contains(&text) => "it is written `none`".into(),
            (Some(file), _) => format!("the standard library has it: `use {} {{ {text} }}`", file.module),
            _ if Clock::from_word(text).is_some() => {
                format!("`{text}` tells the time only in the `step` of a `train` stage")
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("define it: `let {text} = …` or `fn {text}(…) = …`"),
        };
        self.problems.add(
            Diagnostic::error(Code::UnknownName, format!("nothing here is called `{text}`"))
                .label(span, "not known")
                .help(help),
        );
    }

    /// What `nets`, `base` or `base.trunk` stands for.
    fn modules_of(&mut self, expr: &Expr) -> Option<Vec<ModuleId>> {
        match &expr.kind {
            ExprKind::Name(name) if !self.locals.contains(name) => {
                let Definition::Module { modules, .. } = self.module.names.get(name)? else { return None };
                self.used.insert(name.clone());
                Some(modules.clone())
            }
            ExprKind::Field { base, name } => {
                let modules = self.modules_of(base)?;
                modules.iter().find_map(|module| self.program.used(*module, &name.text)).map(|used| vec![used])
            }
            _ => None,
        }
    }

    /// `base.crop`: that there is such an item is seen when values are.
    fn member(&mut self, modules: &[ModuleId], name: &Name, span: Span) {
        for module in modules {
            if let Some(&index) = self.program.module(*module).own().get(name.text.as_str()) {
                return self.mention(span, false, Named::Item((*module, index)));
            }
            if let Some(used) = self.program.used(*module, &name.text) {
                return self.mention(span, false, Named::Modules(vec![used]));
            }
        }
    }

    fn fields(&mut self, fields: &[ast::Setting]) {
        for field in fields {
            match &field.value.kind {
                ExprKind::Name(name) if field.name.span == field.value.span => self.name(name, field.value.span, true),
                _ => self.expr(&field.value),
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Number { .. }
            | ExprKind::Quantity { .. }
            | ExprKind::Str(_)
            | ExprKind::Bool(_)
            | ExprKind::Nothing
            | ExprKind::Error => {}
            ExprKind::Name(name) => self.name(name, expr.span, false),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Record(fields) => self.fields(fields),
            ExprKind::Range { start, end, step } => {
                self.expr(start);
                end.iter().chain(step).for_each(|part| self.expr(part));
            }
            ExprKind::Comprehension { body, name, source, condition } => {
                self.expr(source);
                self.scope(|walk| {
                    walk.bind(name);
                    condition.iter().for_each(|condition| walk.expr(condition));
                    walk.expr(body);
                });
            }
            ExprKind::If { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|part| self.expr(part));
            }
            ExprKind::Lambda { parameters, body } => self.scope(|walk| {
                parameters.iter().for_each(|parameter| walk.bind(parameter));
                walk.expr(body);
            }),
            ExprKind::Block { lets, value } => self.scope(|walk| {
                for binding in lets {
                    walk.expr(&binding.value);
                    walk.bind(&binding.name);
                }
                walk.expr(value);
            }),
            ExprKind::Call { callee, arguments } => {
                self.expr(callee);
                arguments.iter().for_each(|argument| self.expr(&argument.value));
            }
            ExprKind::Pipe { value, into } => {
                self.expr(value);
                self.expr(into);
            }
            ExprKind::Field { base, name } => match self.modules_of(base) {
                Some(modules) => self.member(&modules, name, expr.span),
                None => self.expr(base),
            },
            ExprKind::Index { base, index } => {
                self.expr(base);
                self.expr(index);
            }
            ExprKind::Unary { value, .. } | ExprKind::Cited { value, .. } => self.expr(value),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::With { base, fields } => {
                self.expr(base);
                self.fields(fields);
            }
        }
    }
}

/// Stands among the locals after a statement that could not be read.
const ANYTHING: &str = "…";

impl ast::Member {
    pub fn name(&self) -> Option<&Name> {
        match &self.kind {
            MemberKind::Layer { name, .. } | MemberKind::Tensor { name, .. } => Some(name),
            MemberKind::Let(binding) => Some(&binding.name),
            MemberKind::Fn(function) => Some(&function.name),
            MemberKind::Error => None,
        }
    }
}
