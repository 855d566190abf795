use fieldseal::{Index, Normalizer};

const INDEX: Index<i64> = Index::exact("customer", "value").normalized(Normalizer::EMAIL);

fn main() {}
