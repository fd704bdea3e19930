//! The body of a stage: `step` or `each`. Fields become leaves of the step graph, losses, metrics, shows and saves its outputs.

use std::rc::Rc;

use super::Entries;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Id, Output, Role};
use crate::lower::Lower;
use crate::lower::value::{MetricCall, Samples, Scope, Value};
use crate::ops::Attrs;
use crate::source::Span;
use crate::syntax::ast::{self, Name, StatementKind};
use crate::types::Dim;

impl<'p> Lower<'p, '_> {
    pub(super) fn body(
        &mut self,
        fields: &'p [Name],
        statements: &'p [ast::Statement],
        samples: Option<Rc<Samples<'p>>>,
        entries: &Entries<'p>,
        scope: &Scope<'p>,
    ) {
        let mut scope = scope.clone();
        let sample = samples.map(|samples| self.sample(&samples));
        for field in fields {
            let value = match &sample {
                Some(sample) => self.sample_field(sample, field),
                None => Value::Poison,
            };
            scope.bind(&field.text, value);
        }
        for statement in statements {
            self.statement(statement, entries, &mut scope);
        }
    }

    fn statement(&mut self, statement: &'p ast::Statement, entries: &Entries<'p>, scope: &mut Scope<'p>) {
        match &statement.kind {
            StatementKind::Let(binding) => {
                let name = &binding.name;
                let value = self.expr(&binding.value, scope);
                let value = self.named(value, name.span, scope, &|| format!("as `{}`", name.text));
                scope.bind(&name.text, value);
            }
            StatementKind::Loss { name, value, guard, moves } => {
                let Some(loss) = self.loss(name, value, scope) else { return };
                self.guard(name, guard, scope);
                self.moves(name, moves, entries);
                self.output(Role::Loss, name, vec![loss]);
            }
            StatementKind::Metric { name, value } => self.metric(name, value, scope),
            StatementKind::Show { name, value } => {
                let shown = match value {
                    Some(value) => (self.expr(value, scope), value.span),
                    None => (scope.local(&name.text).cloned().unwrap_or(Value::Poison), name.span),
                };
                if let Some(id) = self.tensor(shown.0, shown.1) {
                    self.output(Role::Show, name, vec![id]);
                }
            }
            StatementKind::Save { name, value } => {
                let id = match self.expr(value, scope) {
                    Value::Submission(submission) => {
                        self.submission(name, &submission, entries, value.span).then_some(submission.mask)
                    }
                    saved => self.tensor(saved, value.span),
                };
                if let Some(id) = id {
                    self.save(name, id, value.span);
                }
            }
            StatementKind::Error => {}
        }
    }

    fn output(&mut self, role: Role, name: &Name, nodes: Vec<Id>) {
        let Some(step) = &mut self.step else { return };
        let word = role.word();
        let twice = step.graph.outputs.iter().find(|output| output.role.word() == word && output.name == name.text);
        if let Some(first) = twice.map(|output| output.span) {
            let mut diagnostic =
                Diagnostic::error(Code::DuplicateName, format!("there are two `{word} {}`", name.text))
                    .label(name.span, "again here")
                    .help("rename one of them");
            if let Some(first) = first {
                diagnostic = diagnostic.label(first, "first here");
            }
            self.report(diagnostic);
            return;
        }
        step.graph.outputs.push(Output { role, name: name.text.clone(), nodes, span: Some(name.span) });
    }

    fn save(&mut self, name: &Name, id: Id, span: Span) {
        let Some(step) = &mut self.step else { return };
        if step.training {
            self.report(
                Diagnostic::error(Code::UnknownSetting, "a `train` stage saves its nets and nothing else")
                    .label(name.span, "this would be lost")
                    .help(
                        "save maps in an `infer` stage that reads the trained net; `show` keeps a picture of a value",
                    ),
            );
            return;
        }
        let fact = &step.graph.node(id).fact;
        if fact.dims.first() != Some(&Dim::symbol("B")) {
            let message = format!("a save holds one map an image, this is {fact}");
            self.report(
                Diagnostic::error(Code::RankMismatch, message)
                    .label(span, "its first axis is not the images")
                    .help("keep the batch axis: `[B, …]`"),
            );
            return;
        }
        if self.looks_at_one_image(id, span) {
            self.output(Role::Save, name, vec![id]);
        }
    }

    /// A loss as one number.
    fn loss(&mut self, name: &Name, value: &'p ast::Expr, scope: &Scope<'p>) -> Option<Id> {
        if !self.step.as_ref().is_some_and(|step| step.training) {
            self.report(
                Diagnostic::error(Code::UnknownSetting, "only a `train` stage has losses")
                    .label(name.span, "a loss here lowers nothing")
                    .help("write `metric` to report the number"),
            );
        }
        let loss = self.expr(value, scope);
        let id = self.tensor(loss, value.span)?;
        let fact = self.step.as_ref()?.graph.node(id).fact.clone();
        if fact.rank() != 0 {
            self.report(
                Diagnostic::error(Code::RankMismatch, format!("a loss is one number, this is {fact}"))
                    .label(value.span, format!("this is {fact}"))
                    .help("take its `mean(…)` or `sum(…)`"),
            );
            return None;
        }
        Some(id)
    }

    fn metric(&mut self, name: &Name, value: &'p ast::Expr, scope: &Scope<'p>) {
        let metric = self.expr(value, scope);
        let (role, nodes) = match metric {
            Value::MetricCall(call) => {
                let MetricCall { metric, inputs, attrs } = &*call;
                (Role::Metric { metric: metric.name.to_string(), attrs: attrs.clone() }, inputs.clone())
            }
            other => {
                let Some(id) = self.tensor(other, value.span) else { return };
                let Some(step) = &self.step else { return };
                let fact = step.graph.node(id).fact.clone();
                if fact.rank() != 0 || fact.domain.is_index() {
                    self.report(
                        Diagnostic::error(Code::RankMismatch, format!("a metric is one number, this is {fact}"))
                            .label(value.span, format!("this is {fact}"))
                            .help("take its `mean(…)`, or use a metric such as `miou(prediction, mask)`"),
                    );
                    return;
                }
                (Role::Metric { metric: "mean".to_string(), attrs: Attrs::new() }, vec![id])
            }
        };
        if nodes.iter().all(|id| self.looks_at_one_image(*id, value.span)) {
            self.output(role, name, nodes);
        }
    }
}
