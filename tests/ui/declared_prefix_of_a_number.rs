use fieldseal::{Index, ManyTerms};

const INDEX: Index<i64, ManyTerms> = Index::prefix("customer", "value", 3);

fn main() {}
