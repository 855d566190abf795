use fieldseal::index::Normalizer;
use fieldseal::Index;

const INDEX: Index<i64> = Index::exact("customer", "value").normalized(Normalizer::EMAIL);

fn main() {}
