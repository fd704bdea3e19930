//! A [`Dim`] is the length of one axis: a whole number that may hold symbols (`B`, `K + 1`, `ceil(H/8)`).
//!
//! Two dims are equal exactly when their normal forms are. The normal form is a sum of products of atoms with whole
//! coefficients; an atom is a symbol, a floor of a quotient, or a rounded multiple. Three laws keep quotients comparable:
//!
//! 1. what divides evenly leaves the quotient: `floor((8*n + r)/8) = n + floor(r/8)`;
//! 2. quotients of quotients merge: `floor((floor(H/2) + c)/4) = floor((H + 2*c)/8)`, so three strides of 2 are one of 8;
//! 3. `ceil(x/n)` is `floor((x + n - 1)/n)`, and is shown as `ceil` again.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::sync::Arc;

/// The length of an axis in normal form. See the module text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Dim {
    /// Products of atoms with their coefficients, which are never zero; sorted, each product once. Empty for a plain number, which
    /// most lengths are: it then costs no allocation.
    terms: Vec<(Vec<Atom>, i64)>,
    constant: i64,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Atom {
    Symbol(Arc<str>),
    Floor { numerator: Dim, divisor: i64 },
    Scaled { value: Dim, factor: u64, rounding: Rounding },
}

/// How a scaled length becomes whole again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Rounding {
    Floor,
    /// Half away from zero.
    Round,
    Ceil,
}

/// What the symbols stand for in one run.
pub type DimEnv = BTreeMap<String, i64>;

/// A symbol that an environment has no number for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the size `{0}` is not known here")]
pub struct Unbound(pub String);

impl Dim {
    pub fn constant(value: i64) -> Dim {
        Dim { terms: Vec::new(), constant: value }
    }

    pub fn symbol(name: &str) -> Dim {
        Dim::from_atom(Atom::Symbol(name.into()))
    }

    /// The number, where there is no symbol in it.
    pub fn as_const(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    pub fn is_one(&self) -> bool {
        self.as_const() == Some(1)
    }

    /// `floor(self / divisor)`; `divisor` is at least 1.
    pub fn floor_div(&self, divisor: i64) -> Dim {
        assert!(divisor >= 1, "a length is divided by at least one");
        let mut whole = Dim::constant(self.constant.div_euclid(divisor));
        let constant = self.constant.rem_euclid(divisor);
        let mut symbolic = Dim::default();
        for (product, coefficient) in &self.terms {
            if coefficient % divisor == 0 {
                whole.insert(product.clone(), coefficient / divisor);
            } else {
                symbolic.insert(product.clone(), *coefficient);
            }
        }
        if symbolic.terms.is_empty() {
            return whole; // 0 <= constant < divisor
        }
        let common = symbolic.terms.iter().fold(divisor, |a, (_, b)| gcd(a, b.abs()));
        if common > 1 {
            let reduced = Dim::from_terms(symbolic.terms.iter().map(|(product, c)| (product.clone(), c / common)));
            return whole + (reduced + Dim::constant(constant.div_euclid(common))).floor_div(divisor / common);
        }
        if let Some(Atom::Floor { numerator, divisor: inner }) = symbolic.single_atom() {
            return whole + (numerator.clone() + Dim::constant(constant * inner)).floor_div(inner * divisor);
        }
        whole + Dim::from_atom(Atom::Floor { numerator: symbolic + Dim::constant(constant), divisor })
    }

    /// `ceil(self / divisor)`.
    pub fn ceil_div(&self, divisor: i64) -> Dim {
        (self.clone() + Dim::constant(divisor - 1)).floor_div(divisor)
    }

    /// `self * factor`, made whole again. Whole factors stay exact.
    pub fn scaled(&self, factor: f64, rounding: Rounding) -> Dim {
        if factor.fract() == 0.0 && factor.abs() < 1e9 {
            return self.clone() * Dim::constant(factor as i64);
        }
        match self.as_const() {
            Some(value) => Dim::constant(rounding.apply(value as f64 * factor)),
            None => Dim::from_atom(Atom::Scaled { value: self.clone(), factor: factor.to_bits(), rounding }),
        }
    }

    /// The number, once the symbols have theirs.
    pub fn eval(&self, env: &DimEnv) -> Result<i64, Unbound> {
        let mut sum = self.constant;
        for (product, coefficient) in &self.terms {
            let mut value = *coefficient;
            for atom in product {
                value *= match atom {
                    Atom::Symbol(name) => *env.get(&**name).ok_or_else(|| Unbound(name.to_string()))?,
                    Atom::Floor { numerator, divisor } => numerator.eval(env)?.div_euclid(*divisor),
                    Atom::Scaled { value, factor, rounding } => {
                        rounding.apply(value.eval(env)? as f64 * f64::from_bits(*factor))
                    }
                };
            }
            sum += value;
        }
        Ok(sum)
    }

    /// The symbol, where the dim is just that.
    pub fn as_symbol(&self) -> Option<&str> {
        match self.single_atom() {
            Some(Atom::Symbol(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether the symbol takes part in it.
    pub fn mentions(&self, symbol: &str) -> bool {
        self.terms.iter().flat_map(|(product, _)| product).any(|atom| match atom {
            Atom::Symbol(name) => &**name == symbol,
            Atom::Floor { numerator: inner, .. } | Atom::Scaled { value: inner, .. } => inner.mentions(symbol),
        })
    }

    fn from_terms(terms: impl IntoIterator<Item = (Vec<Atom>, i64)>) -> Dim {
        let mut dim = Dim::default();
        terms.into_iter().for_each(|(product, coefficient)| dim.insert(product, coefficient));
        dim
    }

    fn from_atom(atom: Atom) -> Dim {
        Dim::from_terms([(vec![atom], 1)])
    }

    fn insert(&mut self, mut product: Vec<Atom>, coefficient: i64) {
        product.sort();
        match self.terms.binary_search_by(|(known, _)| known.cmp(&product)) {
            Ok(at) => {
                self.terms[at].1 = self.terms[at].1.saturating_add(coefficient);
                if self.terms[at].1 == 0 {
                    self.terms.remove(at);
                }
            }
            Err(at) if coefficient != 0 => self.terms.insert(at, (product, coefficient)),
            Err(_) => {}
        }
    }

    /// Whether it is shown without a sign between parts.
    fn is_one_term(&self) -> bool {
        self.terms.len() == usize::from(self.constant == 0)
    }

    /// The atom, where the dim is one atom once.
    fn single_atom(&self) -> Option<&Atom> {
        match &self.terms[..] {
            [(product, 1)] if self.constant == 0 && product.len() == 1 => product.first(),
            _ => None,
        }
    }
}

impl Rounding {
    fn apply(self, value: f64) -> i64 {
        match self {
            Rounding::Floor => value.floor() as i64,
            Rounding::Round => value.round() as i64,
            Rounding::Ceil => value.ceil() as i64,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Rounding::Floor => "floor",
            Rounding::Round => "round",
            Rounding::Ceil => "ceil",
        }
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl From<usize> for Dim {
    fn from(value: usize) -> Dim {
        Dim::constant(value as i64)
    }
}

impl Add for Dim {
    type Output = Dim;

    fn add(mut self, other: Dim) -> Dim {
        self.constant = self.constant.saturating_add(other.constant);
        other.terms.into_iter().for_each(|(product, coefficient)| self.insert(product, coefficient));
        self
    }
}

impl Sub for &Dim {
    type Output = Dim;

    fn sub(self, other: &Dim) -> Dim {
        let mut difference = self.clone();
        difference.constant = difference.constant.saturating_sub(other.constant);
        other.terms.iter().for_each(|(product, coefficient)| difference.insert(product.clone(), -coefficient));
        difference
    }
}

impl Mul for Dim {
    type Output = Dim;

    fn mul(self, other: Dim) -> Dim {
        let mut product = Dim::constant(self.constant.saturating_mul(other.constant));
        for (left, a) in &self.terms {
            product.insert(left.clone(), a.saturating_mul(other.constant));
            for (right, b) in &other.terms {
                product.insert(left.iter().chain(right).cloned().collect(), a.saturating_mul(*b));
            }
        }
        for (right, b) in &other.terms {
            product.insert(right.clone(), b.saturating_mul(self.constant));
        }
        product
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return write!(f, "{}", self.constant);
        }
        for (position, (product, coefficient)) in self.terms.iter().enumerate() {
            match (position, *coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            if coefficient.unsigned_abs() != 1 {
                write!(f, "{}*", coefficient.unsigned_abs())?;
            }
            for (position, atom) in product.iter().enumerate() {
                if position > 0 {
                    f.write_str("*")?;
                }
                write!(f, "{atom}")?;
            }
        }
        // The constant comes last: `K + 1`.
        match self.constant {
            0 => Ok(()),
            below if below < 0 => write!(f, " - {}", below.unsigned_abs()),
            above => write!(f, " + {above}"),
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Symbol(name) => f.write_str(name),
            Atom::Floor { numerator, divisor } if numerator.constant == divisor - 1 => {
                let inner = numerator - &Dim::constant(divisor - 1);
                if inner.is_one_term() {
                    write!(f, "ceil({inner}/{divisor})")
                } else {
                    write!(f, "ceil(({inner})/{divisor})")
                }
            }
            Atom::Floor { numerator, divisor } if numerator.is_one_term() => {
                write!(f, "floor({numerator}/{divisor})")
            }
            Atom::Floor { numerator, divisor } => write!(f, "floor(({numerator})/{divisor})"),
            Atom::Scaled { value, factor, rounding } => {
                write!(f, "{}(({value})*{})", rounding.word(), f64::from_bits(*factor))
            }
        }
    }
}

/// Reads what `Display` writes.
impl std::str::FromStr for Dim {
    type Err = String;

    fn from_str(text: &str) -> Result<Dim, String> {
        let mut reader = Reader { rest: text.trim() };
        let dim = reader.sum()?;
        if reader.rest.is_empty() {
            Ok(dim)
        } else {
            Err(format!("`{}` is left over in the size `{text}`", reader.rest))
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("expected `{token}` before `{}`", self.rest)) }
    }

    fn sum(&mut self) -> Result<Dim, String> {
        let mut sum = if self.take("-") { &Dim::default() - &self.product()? } else { self.product()? };
        loop {
            if self.take("+") {
                sum = sum + self.product()?;
            } else if self.take("-") {
                sum = &sum - &self.product()?;
            } else {
                return Ok(sum);
            }
        }
    }

    fn product(&mut self) -> Result<Dim, String> {
        let mut product = self.atom()?;
        while self.take("*") {
            product = product * self.atom()?;
        }
        Ok(product)
    }

    fn atom(&mut self) -> Result<Dim, String> {
        for rounding in [Rounding::Floor, Rounding::Round, Rounding::Ceil] {
            if self.take(&format!("{}(", rounding.word())) {
                let value = if self.take("(") {
                    let value = self.sum()?;
                    self.expect(")")?;
                    value
                } else {
                    self.sum()?
                };
                let dim = if self.take("/") {
                    let divisor = self.number()? as i64;
                    if divisor < 1 {
                        return Err("a size is divided by at least one".into());
                    }
                    if rounding == Rounding::Ceil { value.ceil_div(divisor) } else { value.floor_div(divisor) }
                } else {
                    self.expect("*")?;
                    value.scaled(self.number()?, rounding)
                };
                self.expect(")")?;
                return Ok(dim);
            }
        }
        let length =
            self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\'')).unwrap_or(self.rest.len());
        if length == 0 {
            return Err(format!("expected a size before `{}`", self.rest));
        }
        let word = &self.rest[..length];
        self.rest = self.rest[length..].trim_start();
        match word.parse::<i64>() {
            Ok(number) => Ok(Dim::constant(number)),
            Err(_) if word.starts_with(|c: char| c.is_ascii_digit()) => Err(format!("`{word}` is not a size")),
            Err(_) => Ok(Dim::symbol(word)),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        let length = self.rest.find(|c: char| !(c.is_ascii_digit() || ".e-".contains(c))).unwrap_or(self.rest.len());
        let number = self.rest[..length].parse().map_err(|_| format!("expected a number before `{}`", self.rest))?;
        self.rest = self.rest[length..].trim_start();
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn conv(input: &Dim, kernel: i64, stride: i64, padding: i64) -> Dim {
        (input.clone() + Dim::constant(2 * padding - kernel)).floor_div(stride) + Dim::constant(1)
    }

    #[test]
    fn three_strides_of_two_are_one_of_eight() {
        let h = Dim::symbol("H");
        let eighth = conv(&conv(&conv(&h, 3, 2, 1), 3, 2, 1), 3, 2, 1);
        assert_eq!(eighth.to_string(), "ceil(H/8)");
        assert_eq!(eighth, h.ceil_div(8));
        assert_eq!(conv(&h, 7, 2, 3), h.ceil_div(2));
        assert_eq!(conv(&h, 3, 1, 1), h);
    }

    #[test]
    fn shown_as_people_write_it() {
        let k = Dim::symbol("K");
        assert_eq!((k.clone() + Dim::constant(1)).to_string(), "K + 1");
        assert_eq!((k.clone() * k.clone() * Dim::constant(2)).to_string(), "2*K*K");
        assert_eq!(Dim::symbol("H").scaled(0.3, Rounding::Floor).to_string(), "floor((H)*0.3)");
        assert_eq!((&k - &k).to_string(), "0");
    }

    fn any_dim() -> impl Strategy<Value = Dim> {
        let leaf = prop_oneof![(0i64..40).prop_map(Dim::constant), "[HWK]".prop_map(|name| Dim::symbol(&name))];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a + b),
                (inner.clone(), 1i64..4).prop_map(|(a, b)| a * Dim::constant(b)),
                (inner.clone(), 1i64..9).prop_map(|(a, n)| a.floor_div(n)),
                (inner.clone(), 1i64..9).prop_map(|(a, n)| a.ceil_div(n)),
                (inner, prop_oneof![Just(0.3), Just(1.5)]).prop_map(|(a, s)| a.scaled(s, Rounding::Round)),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_and_back(dim in any_dim()) {
            prop_assert_eq!(dim.to_string().parse::<Dim>().unwrap(), dim);
        }

        #[test]
        fn quotients_keep_their_value(dim in any_dim(), n in 1i64..12, h in 1i64..500, w in 1i64..500, k in 1i64..21) {
            let env: DimEnv = [("H".to_string(), h), ("W".to_string(), w), ("K".to_string(), k)].into();
            let value = dim.eval(&env).unwrap();
            prop_assert_eq!(dim.floor_div(n).eval(&env).unwrap(), value.div_euclid(n));
            prop_assert_eq!(dim.ceil_div(n).eval(&env).unwrap(), (value + n - 1).div_euclid(n));
        }
    }
}
