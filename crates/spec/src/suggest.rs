//! Did you mean?

/// The candidate nearest to a misspelt word, if one is near enough to be meant.
///
/// Without the feature `diagnose` only case, `_` and `-` are forgiven.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    // A long text is no misspelling, and comparing it would be slow.
    if folded.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(folded.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `Give_Up` and `give-up` are the same mistake-wise.
fn fold(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

#[cfg(feature = "diagnose")]
fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

#[cfg(not(feature = "diagnose"))]
fn distance(a: &str, b: &str) -> usize {
    if a == b { 0 } else { usize::MAX }
}
