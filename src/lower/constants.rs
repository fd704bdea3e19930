//! The numbers of a recipe and where they come from: what `wsss check --cite` and `wsss audit` list.
//!
//! A constant is a number as it is written, a range of numbers, or a list of nothing else. 0, 1 and -1 are none, nor are indices, axes
//! and lengths, nor what a data set of drawn pictures is made with: they are no choice of a method.

use super::Constant;
use crate::syntax::ast::*;

/// The constants of a file in the order of the text. `text` is the file's.
pub(super) fn constants(file: &File, text: &str) -> Vec<Constant> {
    let mut finder = Finder { text, found: Vec::new() };
    file.items.iter().for_each(|item| finder.item(item));
    finder.found.sort_by_key(|constant| constant.span);
    finder.found
}

/// Arguments that say which axes or lengths are meant.
const PLACES: &[&str] = &["axis", "axes", "dims"];

/// What makes data sets: their sizes are no constants of a method.
const DATA_SETS: &[&str] = &["scenes", "voc2012", "coco", "folder"];

struct Finder<'t> {
    text: &'t str,
    found: Vec<Constant>,
}

impl Finder<'_> {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Supervision { .. } | ItemKind::Use { .. } | ItemKind::Expect(_) => {}
            ItemKind::UseFile { alias, overrides, .. } => self.settings(&alias.text, overrides),
            ItemKind::Param { name, value, .. } => self.expr(&name.text, value),
            ItemKind::Variant { name, citation, overrides, .. } => {
                let first = self.found.len();
                self.settings(&name.text, overrides);
                // What is said of the variant is said of each number that has nothing of its own.
                let bare = self.found[first..].iter_mut().filter(|constant| constant.citation.is_none());
                bare.for_each(|constant| constant.citation = citation.clone());
            }
            ItemKind::Let(binding) => self.expr(&binding.name.text, &binding.value),
            ItemKind::Fn(function) => self.function(&function.name.text, function),
            ItemKind::Net(net) => self.net(net),
            ItemKind::Stage(stage) => self.stage(stage),
        }
    }

    fn settings(&mut self, of: &str, settings: &[Setting]) {
        settings.iter().for_each(|setting| self.expr(&format!("{of}.{}", setting.name.text), &setting.value));
    }

    fn parameters(&mut self, of: &str, parameters: &[Parameter]) {
        for parameter in parameters {
            if let Some(default) = &parameter.default {
                self.expr(&format!("{of}.{}", parameter.name.text), default);
            }
        }
    }

    fn function(&mut self, name: &str, function: &Function) {
        self.parameters(name, &function.parameters);
        self.expr(name, &function.body);
    }

    fn net(&mut self, net: &Net) {
        let of = &net.name.text;
        self.parameters(of, &net.parameters);
        for member in &net.members {
            match &member.kind {
                MemberKind::Layer { name, value } => self.expr(&format!("{of}.{}", name.text), value),
                MemberKind::Tensor { name, init, .. } => self.expr(&format!("{of}.{}", name.text), init),
                MemberKind::Let(binding) => self.expr(&format!("{of}.{}", binding.name.text), &binding.value),
                MemberKind::Fn(function) => self.function(&format!("{of}.{}", function.name.text), function),
                MemberKind::Error => {}
            }
        }
    }

    fn stage(&mut self, stage: &Stage) {
        let of = &stage.name.text;
        if let Some(family) = &stage.family {
            self.expr(&format!("{of}.{}", family.name.text), &family.source);
        }
        for entry in &stage.entries {
            match &entry.kind {
                EntryKind::Setting(setting) => self.settings(of, std::slice::from_ref(setting)),
                EntryKind::Net { name, value } => self.expr(&format!("{of}.{}", name.text), value),
                EntryKind::Paths { of: kind, entries } => self.settings(&format!("{of}.{}", kind.word()), entries),
                EntryKind::Memory { name, initial, .. } => self.expr(&format!("{of}.{}", name.text), initial),
                EntryKind::Refresh { name, when, value, .. } => {
                    self.refresh(&format!("{of}.{}", name.text), when, value)
                }
                EntryKind::Let(binding) => self.expr(&format!("{of}.{}", binding.name.text), &binding.value),
                EntryKind::Body { of: kind, statements, .. } => {
                    if let BodyOf::Validate { every: Some(every) } = kind {
                        self.expr(&format!("{of}.validate.every"), every);
                    }
                    statements.iter().for_each(|statement| self.statement(of, statement));
                }
                EntryKind::Error => {}
            }
        }
    }

    fn refresh(&mut self, of: &str, when: &When, value: &Expr) {
        let moments = [("from", &when.from), ("until", &when.until)];
        for (word, moment) in moments.into_iter().filter_map(|(word, moment)| Some((word, moment.as_ref()?))) {
            self.expr(&format!("{of}.{word}"), &moment.at);
        }
        when.every.iter().for_each(|every| self.expr(&format!("{of}.every"), every));
        when.plateau.iter().for_each(|plateau| self.settings(&format!("{of}.plateau"), &plateau.choices));
        self.expr(of, value);
    }

    fn statement(&mut self, of: &str, statement: &Statement) {
        let (name, value) = match &statement.kind {
            StatementKind::Let(Let { name, value, .. })
            | StatementKind::Metric { name, value }
            | StatementKind::Show { name, value: Some(value) }
            | StatementKind::Save { name, value } => (name, value),
            StatementKind::Loss { name, value, guard, .. } => {
                for (word, moment) in [("from", &guard.from), ("until", &guard.until)] {
                    if let Some(moment) = moment {
                        self.expr(&format!("{of}.{}.{word}", name.text), &moment.at);
                    }
                }
                (name, value)
            }
            StatementKind::Show { value: None, .. } | StatementKind::Error => return,
        };
        self.expr(&format!("{of}.{}", name.text), value);
    }

    fn add(&mut self, name: &str, expr: &Expr, citation: Option<&str>) {
        let value =
            self.text.get(expr.span.range()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        let citation = citation.map(str::to_owned);
        self.found.push(Constant { name: name.to_string(), value, citation, span: expr.span });
    }

    fn expr(&mut self, name: &str, expr: &Expr) {
        match &expr.kind {
            ExprKind::Cited { value, citation, .. } => return self.add(name, value, Some(citation)),
            // `320..640 @ "code"`: what stands behind the last number is said of the range.
            ExprKind::Range { start, end: Some(end), step } if is_literal(start) => {
                if let ExprKind::Cited { value, citation, .. } = &step.as_ref().unwrap_or(end).kind
                    && is_literal(value)
                {
                    return self.add(name, &Expr::new(ExprKind::Error, start.span.to(value.span)), Some(citation));
                }
                if is_literal(expr) {
                    return self.add(name, expr, None);
                }
            }
            _ if is_literal(expr) => {
                if !is_trivial(expr) {
                    self.add(name, expr, None);
                }
                return;
            }
            _ => {}
        }
        let mut each = |expr: &Expr| self.expr(name, expr);
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::Quantity { .. } | ExprKind::Cited { .. } => {}
            ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Nothing | ExprKind::Name(_) | ExprKind::Error => {}
            ExprKind::List(parts) => parts.iter().for_each(each),
            ExprKind::Record(fields) => self.settings(name, fields),
            ExprKind::Range { start, end, step } => {
                each(start);
                end.iter().chain(step).for_each(|part| each(part));
            }
            ExprKind::Comprehension { body, source, condition, .. } => {
                each(body);
                each(source);
                condition.iter().for_each(|condition| each(condition));
            }
            ExprKind::If { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|part| each(part))
            }
            ExprKind::Lambda { body, .. } => each(body),
            ExprKind::Block { lets, value } => {
                lets.iter().for_each(|binding| self.expr(&format!("{name}.{}", binding.name.text), &binding.value));
                self.expr(name, value);
            }
            ExprKind::Call { callee, arguments } => {
                each(callee);
                if matches!(&callee.kind, ExprKind::Name(callee) if DATA_SETS.contains(&callee.as_str())) {
                    return;
                }
                for argument in arguments {
                    match &argument.name {
                        Some(known) if PLACES.contains(&known.text.as_str()) => {}
                        Some(known) => self.expr(&format!("{name}.{}", known.text), &argument.value),
                        None => self.expr(name, &argument.value),
                    }
                }
            }
            ExprKind::Pipe { value, into } => {
                each(value);
                each(into);
            }
            // An index chooses a place, not an amount.
            ExprKind::Field { base, .. } | ExprKind::Index { base, .. } => each(base),
            ExprKind::Unary { value, .. } => each(value),
            ExprKind::Binary { left, right, .. } => {
                each(left);
                each(right);
            }
            ExprKind::With { base, fields } => {
                each(base);
                self.settings(name, fields);
            }
        }
    }
}

/// A number, or a range or a list made of nothing else.
fn is_literal(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::Quantity { .. } => true,
        ExprKind::Unary { operator: UnaryOperator::Negate, value } => is_literal(value),
        ExprKind::List(parts) => !parts.is_empty() && parts.iter().all(is_literal),
        ExprKind::Range { start, end, step } => {
            is_literal(start) && end.iter().chain(step).all(|part| is_literal(part))
        }
        _ => false,
    }
}

/// 0, 1 and -1, alone or in a list.
fn is_trivial(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { value, .. } => matches!(*value, 0.0 | 1.0),
        ExprKind::Unary { value, .. } => is_trivial(value),
        ExprKind::List(parts) => parts.iter().all(is_trivial),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::diag::Problems;
    use crate::source::SourceId;
    use crate::syntax::parse;

    #[test]
    fn what_counts_and_what_does_not() {
        let text = r#"
            use "cam.wsss" as base { crop = 96 @ "choice: small" }
            param crop    = 448 px @ "sec. 4.1"
            param scales  = [0.5, 1, 1.5]
            param dataset = scenes(images = 600)
            param sides   = 448..768
            param cited   = 320..640 @ "code"
            param on      = true
            variant quick { crop = 96  scales = [1] }
            variant small @ "choice: minutes" { crop = 64  scales = [0.5] @ "Table 1" }
            fn view(x, p = 0.5) = x |> random_flip(p) |> slice(axis = 2, length = x[3]) + 1 - (-2)
            net head(classes) { weight weight: [classes, 512, 1, 1] = normal(std = 0.01) }
            train cls {
              batch     = 16
              optimizer = sgd(lr = 0.1 @ "code owner/name", momentum = 0.9)
              rates { cls.head = 10 }
              step { image } { loss cls = 0.4 * mean(image, axes = [2, 3]) from epoch 5 }
            }"#;
        let mut problems = Problems::default();
        let file = parse(SourceId(0), text, &mut problems);
        assert!(problems.is_empty());
        let shown = |constant: &Constant| match &constant.citation {
            Some(citation) => format!("{} = {} @ {citation}\n", constant.name, constant.value),
            None => format!("{} = {}\n", constant.name, constant.value),
        };
        let found: String = constants(&file, text).iter().map(shown).collect();
        expect![[r#"
            base.crop = 96 @ choice: small
            crop = 448 px @ sec. 4.1
            scales = [0.5, 1, 1.5]
            sides = 448..768
            cited = 320..640 @ code
            quick.crop = 96
            small.crop = 64 @ choice: minutes
            small.scales = [0.5] @ Table 1
            view.p = 0.5
            view = (-2)
            head.weight.std = 0.01
            cls.batch = 16
            cls.optimizer.lr = 0.1 @ code owner/name
            cls.optimizer.momentum = 0.9
            cls.rates.cls.head = 10
            cls.cls = 0.4
            cls.cls.from = 5
        "#]]
        .assert_eq(&found);
    }
}
