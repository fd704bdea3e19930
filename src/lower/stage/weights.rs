//! The nets of a stage, and what is said of their weights by path.

use super::Entries;
use crate::diag::{Code, Diagnostic, suggest};
use crate::lower::recipe::{Init, Weight};
use crate::lower::value::{NetPath, Scope, Value};
use crate::lower::{Lower, errors, identity};
use crate::syntax::ast::{self, Name, Setting};

impl<'p> Lower<'p, '_> {
    pub(super) fn net_entry(
        &mut self,
        name: &'p Name,
        value: &'p ast::Expr,
        entries: &mut Entries<'p>,
        scope: &mut Scope<'p>,
    ) {
        let made = match self.expr(value, scope) {
            Value::Net(net) => net,
            other => {
                if !other.is_poison() {
                    self.report(errors::wrong_kind("a net", &other, value.span));
                }
                scope.bind(&name.text, Value::Poison);
                return;
            }
        };
        if entries.nets.contains_key(&name.text) {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("the stage has two nets `{}`", name.text))
                    .label(name.span, "again here")
                    .help("rename one of them"),
            );
        }
        let mut net = made;
        if net.path.is_none() {
            let place = NetPath { stage: entries.stage.clone(), net: name.text.clone(), name: String::new() };
            // What is said of a weight later is said at the net of the recipe that holds it.
            let weights = self.weights(&net, &place);
            let carried = self.carried(&weights);
            let mut stage = place.stage.clone();
            if let Some(step) = &mut self.step {
                step.carried.insert(name.text.clone(), carried);
                stage = step.shown();
                let init = |init| match init {
                    Init::Weight(path) => Init::Weight(identity::seen_from(&step.scope, &path)),
                    other => other,
                };
                let seen =
                    weights.into_iter().map(|weight| Weight { span: value.span, init: init(weight.init), ..weight });
                entries.weights.extend(seen);
            }
            net.path = Some(NetPath { stage, ..place });
        }
        scope.bind(&name.text, Value::Net(net.clone()));
        entries.nets.insert(name.text.clone(), net);
    }

    pub(super) fn rates(&mut self, rates: &'p [Setting], entries: &mut Entries<'p>, scope: &Scope<'p>) {
        for rate in rates {
            let Some(factor) = self.number(&rate.value, scope) else { continue };
            let path = &rate.name.text;
            let net = path.split('.').next().unwrap_or_default();
            // A net with a mistake in it has no layers to name.
            if scope.local(net).is_some_and(Value::is_poison) {
                continue;
            }
            let known: Vec<String> =
                entries.weights.iter().map(|weight| format!("{}.{}", weight.net, weight.name)).collect();
            let reached = known.iter().any(|weight| weight == path || weight.starts_with(&format!("{path}.")));
            if !reached {
                // Beginnings of weight names are what may be written.
                let mut layers: Vec<&str> =
                    known.iter().filter_map(|weight| weight.rsplit_once('.').map(|(layer, _)| layer)).collect();
                layers.dedup();
                self.report(
                    Diagnostic::error(
                        Code::UnknownLayer,
                        format!("no weight of `{}` is under `{path}`", entries.stage),
                    )
                    .label(rate.name.span, "no such layer")
                    .help(suggest::help(path, "layers", layers)),
                );
                continue;
            }
            if factor < 0.0 {
                self.report(errors::out_of_range("a rate is 0 and up", rate.value.span, "10 is usual for a new head"));
                continue;
            }
            entries.rates.push((path.clone(), factor));
        }
    }
}
