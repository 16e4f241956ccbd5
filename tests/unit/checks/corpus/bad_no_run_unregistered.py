# expect: SPN503@6
from spine_temporal import Pipeline



class Nothing(Pipeline):
    def fetch(self):
        return 1
