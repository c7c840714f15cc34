package retention

// Alone is alone, for tests.
var Alone = alone
