"""Money: prices, budgets, the ledger of every call, reports of it, and the keys that pay."""
