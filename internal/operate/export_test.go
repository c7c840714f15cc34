package operate

// MaxEnded is how many operations with an end are kept in memory.
const MaxEnded = maxEnded
