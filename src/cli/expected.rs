//! The table at the end of a run: what was expected, what came out.

use crate::exec::Compared;

/// One line a figure; nothing where nothing is expected.
pub(super) fn table(compared: &[Compared]) -> String {
    if compared.is_empty() {
        return String::new();
    }
    let width = |of: fn(&Compared) -> &str, least: usize| {
        compared.iter().map(|one| of(one).chars().count()).max().unwrap_or(0).max(least)
    };
    let (metrics, figures) = (width(|one| &one.metric, 0), width(|one| &one.expected, "expected".len()));
    let mut text = format!("{:metrics$}  {:figures$}  got\n", "", "expected");
    for one in compared {
        let got = one.got.map_or("not run".to_string(), |got| format!("{got:.4}"));
        let verdict = one.verdict();
        let source = one.source.as_ref().map_or(String::new(), |source| format!("({source})"));
        let line = format!("{:metrics$}  {:figures$}  {got:7}  {verdict:8}  {source}", one.metric, one.expected);
        text += &format!("{}\n", line.trim_end());
    }
    if let Some(other) = compared.iter().find(|one| !one.same_setting) {
        let stated = match &other.variant {
            Some(variant) => format!("the variant `{variant}` alone"),
            None => "the recipe on its own".to_string(),
        };
        text += &format!("these figures are stated for {stated}, over all pictures; this run has another setting\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn inside_outside_and_beside() {
        let one = |metric: &str, got: Option<f64>, inside: Option<bool>, same_setting: bool| Compared {
            metric: metric.into(),
            expected: "0.560 +- 0.010".into(),
            value: 0.56,
            tolerance: Some(0.01),
            source: Some("Table 1".into()),
            variant: None,
            got,
            inside,
            same_setting,
        };
        expect![[r#"
                           expected        got
            seeds.cam_iou  0.560 +- 0.010  0.5612   inside    (Table 1)
            seeds.iou      0.560 +- 0.010  0.4000   outside   (Table 1)
            end.iou        0.560 +- 0.010  not run            (Table 1)
        "#]]
        .assert_eq(&table(&[
            one("seeds.cam_iou", Some(0.5612), Some(true), true),
            one("seeds.iou", Some(0.4), Some(false), true),
            one("end.iou", None, None, true),
        ]));
        let text = table(&[one("seeds.iou", Some(0.4), None, false)]);
        assert!(
            text.contains("another setting  (Table 1)") && text.contains("stated for the recipe on its own"),
            "{text}"
        );
        assert_eq!(table(&[]), "");
    }
}
