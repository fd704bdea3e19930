//! `memory` and `refresh`.

use super::Printer;
use super::layout::Doc;
use super::sequences::Row;
use crate::syntax::ast::{Expr, Moment, Name, TimeUnit, Type, When};

impl Printer<'_> {
    pub(super) fn memory(&mut self, name: &Name, ty: &Type, initial: &Expr) -> Row {
        let head = Doc::concat(vec![Doc::text(format!("memory {}: ", name.text)), self.type_of(ty)]);
        Row { head, ..Row::new("memory", "") }.value(self.expr(initial))
    }

    /// The clauses stay on the line of the name; the value stands on lines of its own where it has a `let` or is long.
    pub(super) fn refresh(&mut self, name: &Name, when: &When, fields: &[Name], value: &Expr) -> Row {
        let mut head = vec![Doc::text(format!("refresh {} ", name.text))];
        if let Some(from) = &when.from {
            self.moment("from", from, &mut head);
        }
        if let Some(every) = &when.every {
            head.extend([Doc::text("every "), self.before_word(every), Doc::text(" ")]);
        }
        if let Some(until) = &when.until {
            self.moment("until", until, &mut head);
        }
        if let Some(plateau) = &when.plateau {
            head.push(Doc::text(format!("when plateau({}", plateau.loss.text)));
            for choice in &plateau.choices {
                head.extend([Doc::text(format!(", {} = ", choice.name.text)), self.expr(&choice.value)]);
            }
            head.push(Doc::text(") "));
        }
        head.push(self.names(fields, 0));
        self.depth += 1;
        let inside = self.arm(value);
        self.depth -= 1;
        let body = Doc::group(vec![Doc::text(" {"), inside, Doc::line(), Doc::text("}")]);
        Row { head: Doc::concat(head), ..Row::new("body", "") }.tail(body)
    }

    fn moment(&mut self, word: &str, moment: &Moment, head: &mut Vec<Doc>) {
        let unit = match moment.unit {
            TimeUnit::Epoch => "epoch",
            TimeUnit::Step => "step",
        };
        head.extend([Doc::text(format!("{word} {unit} ")), self.before_word(&moment.at), Doc::text(" ")]);
    }
}
