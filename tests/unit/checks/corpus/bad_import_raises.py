# expect: SPN001@2
LIMIT = {"a": 1}["b"]
