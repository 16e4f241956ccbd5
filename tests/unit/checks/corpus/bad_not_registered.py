# expect: SPN509@6
from spine_temporal import Pipeline



class Load(Pipeline):
    def run(self):
        return {"rows": 1}
