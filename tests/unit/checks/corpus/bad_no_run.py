# expect: SPN503@6
from spine_temporal import Pipeline, register_pipeline



@register_pipeline("shop.nothing")
class Nothing(Pipeline):
    def fetch(self):
        return 1
