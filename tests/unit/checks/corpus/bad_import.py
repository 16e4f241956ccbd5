# expect: SPN001@2
import shop_that_is_not_there
