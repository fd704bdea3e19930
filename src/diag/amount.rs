//! Amounts as people write them: bytes and operations in units that fit, and back.

const BINARY: &[&str] = &["B", "KiB", "MiB", "GiB", "TiB"];
const DECIMAL: &[&str] = &["B", "kB", "MB", "GB", "TB"];

/// `1 stage`, `2 stages`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `1.5 GiB`
pub fn bytes(count: u64) -> String {
    unit(count, 1024, BINARY)
}

/// `1.2 GFLOP`
pub fn flops(count: u64) -> String {
    unit(count, 1000, &["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"])
}

/// Reads `11GiB`, `11.5 GB`, `900 MiB`.
///
/// # Errors
/// What should be written, where this is no amount.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, word) = (&text[..at], text[at..].trim());
    let power = |units: &[&str], step: u64| units.iter().position(|unit| *unit == word).map(|n| step.pow(n as u32));
    let expected = || "expected a number with its unit, for example `11GiB` or `900MB`".to_string();
    let factor = power(BINARY, 1024).or_else(|| power(DECIMAL, 1000)).ok_or_else(expected)?;
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number * (factor as f64) < 9e18 => Ok((number * factor as f64) as u64),
        _ => Err(expected()),
    }
}

fn unit(count: u64, step: u64, units: &[&str]) -> String {
    let mut value = count as f64;
    let mut place = 0;
    while value >= step as f64 && place + 1 < units.len() {
        value /= step as f64;
        place += 1;
    }
    if place == 0 { format!("{count} {}", units[0]) } else { format!("{value:.1} {}", units[place]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_said_in_units_that_fit() {
        assert_eq!(flops(999), "999 FLOP");
        assert_eq!(flops(1_234_567), "1.2 MFLOP");
        assert_eq!(flops(9_900_000_000), "9.9 GFLOP");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn bytes_are_read_with_their_unit_and_not_without() {
        assert_eq!(parse_bytes("11GiB"), Ok(11 << 30));
        assert_eq!(parse_bytes(" 1.5 KiB "), Ok(1536));
        assert_eq!(parse_bytes("2MB"), Ok(2_000_000));
        assert_eq!(parse_bytes("7B"), Ok(7));
        for wrong in ["", "11", "GiB", "-1GiB", "0GiB", "1e3GiB", "1.2.3MB", "11gib", "11 G", "99999999TiB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
