# SPDX-License-Identifier: GPL-3.0-or-later
"""German."""

LOCALE = "de_DE"

_PREFERENCES = "in den Einstellungen des Add-ons heruntergeladen oder hinzugefügt"
_TEXTS = {
    # Buttons
    "Add Matte": "Matte hinzufügen",
    "Add Model from File": "Modell aus Datei hinzufügen",
    "Add to Compositor": "In den Compositor",
    "Cancel": "Abbrechen",
    "Cancel All": "Alle abbrechen",
    "Clear Picks": "Auswahl vergessen",
    "Copy Report": "Bericht kopieren",
    "Download": "Herunterladen",
    "Follow Pick": "Auswahl verfolgen",
    "Make Again": "Neu machen",
    "Mark Doubtful": "Zweifelhafte markieren",
    "Mark Doubtful Frames": "Zweifelhafte Bilder markieren",
    "Pick Subject": "Motiv auswählen",
    "Preview Matte": "Matte-Vorschau",
    "Re-align": "Neu ausrichten",
    "Re-run": "Erneut ausführen",
    "Remove": "Entfernen",
    "Remove Matte": "Matte entfernen",
    "Self-Test": "Selbsttest",
    "Set Output to Matte": "Ausgabe auf Matte stellen",
    "Stop": "Anhalten",
    "Switch Output": "Ausgabe wechseln",
    "Write Farm Job": "Farm-Auftrag schreiben",
    "Verify Matte": "Matte prüfen",
    # What they do
    "Add one of these models from a file on this machine. It is known by its content, whatever its name, and copied": (
        "Eines dieser Modelle aus einer Datei auf diesem Rechner hinzufügen. Es wird an seinem Inhalt erkannt, gleich "
        "wie es heißt, und kopiert"
    ),
    "Download this model, check that it is the right file, and keep it on this machine. Esc stops, and what is "
    "there is kept for the next time": (
        "Dieses Modell herunterladen, prüfen, ob es die richtige Datei ist, und auf diesem Rechner behalten. Esc hält "
        "an, und was da ist, bleibt für das nächste Mal"
    ),
    "Remove this model from this machine, or what an unfinished download has left of it. Projects that name it keep "
    "its name": (
        "Dieses Modell von diesem Rechner entfernen, oder was ein unfertiger Download davon gelassen hat. Projekte, "
        "die es nennen, behalten seinen Namen"
    ),
    "Stop the download. What is there is kept, and the next one goes on from it": (
        "Den Download anhalten. Was da ist, bleibt, und der nächste fährt dort fort"
    ),
    "Look whether everything that Strip Matte needs is there and works, and write a report without your name in it": (
        "Nachsehen, ob alles, was Strip Matte braucht, da ist und geht, und einen Bericht schreiben, in dem Ihr Name "
        "nicht steht"
    ),
    "Copy what the last self-test found, to paste it into a bug report": (
        "Kopieren, was der letzte Selbsttest gefunden hat, um es in einen Fehlerbericht einzufügen"
    ),
    "Remove the background of the selected movie and image strips, and add strips with alpha above them. While "
    "others are being made they wait in a queue. Esc stops the one in hand, and what is finished is kept: Add Matte "
    "goes on": (
        "Den Hintergrund der ausgewählten Film- und Bildstreifen entfernen und darüber Streifen mit Alpha hinzufügen. "
        "Solange andere gemacht werden, warten sie in einer Schlange. Esc hält den an, der gerade gemacht wird; was "
        "fertig ist, bleibt, und Matte hinzufügen fährt dort fort"
    ),
    "Stop all mattes that are being made or wait. Finished frames are kept, and Add Matte goes on from there": (
        "Alle Matten anhalten, die gemacht werden oder warten. Fertige Bilder bleiben, und Matte hinzufügen fährt dort "
        "fort"
    ),
    "Stop this one, after the frame in hand, and go on with the others. Its finished frames are kept, and Add Matte "
    "goes on from there": (
        "Diese nach dem Bild anhalten, das gerade gemacht wird, und mit den anderen fortfahren. Ihre fertigen Bilder "
        "bleiben, und Matte hinzufügen fährt dort fort"
    ),
    "Take the markers of doubtful frames away": "Die Markierungen zweifelhafter Bilder wegnehmen",
    "Follow what was picked nearest to the current frame through its shot, and keep where it goes. Blender waits": (
        "Was dem aktuellen Bild am nächsten ausgewählt wurde, durch seine Einstellung verfolgen und seinen Weg "
        "behalten. Blender wartet"
    ),
    "Put markers where the mattes of the selected cutouts jump, empty, fill or split, so that you can look there": (
        "Markierungen setzen, wo die Matten der ausgewählten Freisteller springen, leer werden, sich füllen oder "
        "teilen, damit Sie dort nachsehen können"
    ),
    "Click in the preview on the thing to keep. Pick again on other frames where it goes astray": (
        "In der Vorschau auf das klicken, was bleiben soll. Auf anderen Bildern, wo es fehlgeht, noch einmal"
    ),
    "Forget what was picked in the selected strips": "Vergessen, was in den ausgewählten Streifen ausgewählt wurde",
    "Show in the preview what the settings make of the frame under the playhead, while you change them. Nothing is "
    "written. It is what the run will give, so the frames around are looked at too: Largest takes longest": (
        "In der Vorschau zeigen, was die Einstellungen aus dem aktuellen Bild machen, während Sie sie ändern. Nichts "
        "wird geschrieben. Es ist, was der Lauf ergibt, darum werden auch die Bilder ringsum angesehen: Größtes dauert "
        "am längsten"
    ),
    "Give the selected cutouts and mattes the place, trim and speed that their movies have now. Nothing is computed": (
        "Den ausgewählten Freistellern und Matten Ort, Beschnitt und Tempo geben, die ihre Filme jetzt haben. Nichts "
        "wird berechnet"
    ),
    "Take the selected cutouts and mattes away, and show their movies as they were. Their images can be deleted too": (
        "Die ausgewählten Freisteller und Matten wegnehmen und ihre Filme zeigen, wie sie waren. Ihre Bilddateien "
        "können mit gelöscht werden"
    ),
    "Matte the movies of the selected cutouts and mattes again, with the settings as they are now. What comes takes "
    "the place of what is there, and images that are right already are kept": (
        "Die Filme der ausgewählten Freisteller und Matten noch einmal mit den jetzigen Einstellungen bearbeiten. Was "
        "kommt, nimmt den Platz dessen ein, was da ist; Bilddateien, die schon stimmen, bleiben"
    ),
    "As Re-run, and make the images again that are there. Those that were altered by hand are kept": (
        "Wie Erneut ausführen, und auch die Bilddateien neu machen, die schon da sind. Von Hand geänderte bleiben"
    ),
    "Turn the selected cutouts into mattes, and mattes into cutouts, without asking the network again": (
        "Aus den ausgewählten Freistellern Matten machen und aus Matten Freisteller, ohne das Netz noch einmal zu "
        "fragen"
    ),
    "Put the selected cutouts and mattes over what the compositor shows, or bring their nodes there up to date": (
        "Die ausgewählten Freisteller und Matten über das legen, was der Compositor zeigt, oder ihre Nodes dort auf "
        "den neuesten Stand bringen"
    ),
    "Render a sample of the frames of the selected strips and their cutouts, or all, and tell which are not the same": (
        "Eine Auswahl der Bilder der ausgewählten Streifen und ihrer Freisteller rendern, oder alle, und sagen, "
        "welche nicht dieselben sind"
    ),
    # Their options
    "Make images again that are there. Those that were altered by hand are kept": (
        "Bilddateien neu machen, die schon da sind. Von Hand geänderte bleiben"
    ),
    "Job": "Auftrag",
    "The number of the one to stop; 0 stops all": "Die Nummer dessen, der angehalten wird; 0 hält alle an",
    "Clear": "Löschen",
    "Take the markers away instead": "Die Markierungen stattdessen wegnehmen",
    "From the left of the strip's picture": "Von links im Bild des Streifens",
    "From the top of the strip's picture": "Von oben im Bild des Streifens",
    "Delete Images": "Bilddateien löschen",
    "Delete the images too, unless something else in this project shows them or a matte that is being made needs "
    "them. Undo brings the strips back, and no file": (
        "Auch die Bilddateien löschen, außer etwas anderes in diesem Projekt zeigt sie oder eine Matte, die gerade "
        "gemacht wird, braucht sie. Rückgängig bringt die Streifen zurück, aber keine Datei"
    ),
    "Those Altered by Hand Too": "Auch von Hand geänderte",
    "Delete the images that were repaired or painted by hand as well, which no run can make again": (
        "Auch die Bilddateien löschen, die von Hand ausgebessert oder bemalt wurden und die kein Lauf wieder machen "
        "kann"
    ),
    "Every Frame": "Jedes Bild",
    "Compare every frame, not a sample of twelve": "Jedes Bild vergleichen, nicht eine Stichprobe von zwölf",
    # The shot's settings
    "Matte": "Matte",
    "Model": "Modell",
    "The network that finds the subject": "Das Netz, das das Motiv findet",
    "Any subject that stands out. Small and fast on every machine": (
        "Jedes Motiv, das hervortritt. Klein und auf jedem Rechner schnell"
    ),
    "Any subject that stands out. U2-Net P with 38 times the weights: surer, and slower": (
        "Jedes Motiv, das hervortritt. U2-Net P mit 38-mal so vielen Gewichten: sicherer und langsamer"
    ),
    "People, whole or in part. Surer of them than U2-Net, and coarse in hair": (
        "Menschen, ganz oder zum Teil. Bei ihnen sicherer als U2-Net, und grob im Haar"
    ),
    "Any subject that stands out. U2-Net in a quarter of its size, and a little worse": (
        "Jedes Motiv, das hervortritt. U2-Net in einem Viertel seiner Größe, und ein wenig schlechter"
    ),
    "Fine and thin things. It sees ten times the pixels that U2-Net does, and is slow": (
        "Feines und Dünnes. Es sieht zehnmal so viele Pixel wie U2-Net und ist langsam"
    ),
    "Model File": "Modelldatei",
    "The ONNX file that is chosen in the add-on's preferences": (
        "Die ONNX-Datei, die in den Einstellungen des Add-ons gewählt ist"
    ),
    "Output": "Ausgabe",
    "What is put on the timeline": "Was auf die Zeitleiste kommt",
    "Cutout": "Freisteller",
    "An image strip with the movie's colour and the matte as its alpha, above the muted movie": (
        "Ein Bildstreifen mit den Farben des Films und der Matte als Alpha, über dem stummgeschalteten Film"
    ),
    "A muted strip of grey frames, and a Mask modifier on the movie that reads it. The movie's own pixels stay": (
        "Ein stummgeschalteter Streifen grauer Bilder, und ein Masken-Modifikator auf dem Film, der ihn liest. Die "
        "Pixel des Films bleiben, wie sie sind"
    ),
    "Format": "Format",
    "What files the images are kept in": "In welchen Dateien die Bilder liegen",
    "PNG, 8 Bits": "PNG, 8 Bit",
    "Quick to make, and read by everything": "Schnell gemacht und von allem gelesen",
    "PNG, 16 Bits": "PNG, 16 Bit",
    "For the output Matte alone: soft edges in 65,536 steps of gray, in larger files. The compositor shows them, "
    "and the sequencer where the movie strip has Convert to Float": (
        "Nur für die Ausgabe Matte: weiche Ränder in 65.536 Graustufen, in größeren Dateien. Der Compositor zeigt sie, "
        "und der Sequenzer dort, wo der Filmstreifen in Fließkommazahlen gewandelt wird"
    ),
    "WebP, Lossless": "WebP, verlustfrei",
    "The same pixels as PNG, 8 Bits, in smaller files that take longer to make": (
        "Dieselben Pixel wie PNG, 8 Bit, in kleineren Dateien, die länger brauchen"
    ),
    "Quality": "Qualität",
    "How often the network looks at the movie": "Wie oft das Netz den Film ansieht",
    "The network looks at every frame": "Das Netz sieht jedes Bild an",
    "Adaptive": "Angepasst",
    "The network looks at the frames it must. Between them the matte follows the picture's motion, where that gives "
    "what the network would say": (
        "Das Netz sieht die Bilder an, die es ansehen muss. Dazwischen folgt die Matte der Bewegung im Bild, wo das "
        "ergibt, was das Netz sagen würde"
    ),
    "Draft": "Entwurf",
    "As Adaptive, and content with less. For rough cuts": "Wie Angepasst, mit weniger zufrieden. Für den Rohschnitt",
    "Precision": "Genauigkeit",
    "How exactly the network computes": "Wie genau das Netz rechnet",
    "Automatic": "Automatisch",
    "8 bits where this machine is faster so, else full precision": (
        "8 Bit, wo dieser Rechner damit schneller ist, sonst volle Genauigkeit"
    ),
    "Full": "Voll",
    "The network as its authors trained it, on every machine": (
        "Das Netz, wie seine Urheber es trainiert haben, auf jedem Rechner"
    ),
    "Folder": "Ordner",
    "Where the images are kept, one folder for each movie, model and set of settings. // is beside the project file": (
        "Wo die Bilddateien liegen, ein Ordner für jeden Film, jedes Modell und jede Wahl der Einstellungen. // ist "
        "neben der Projektdatei"
    ),
    (
        "Write a job for a render farm for each selected strip: its frames in chunks for many machines, then the "
        "cutout in a copy of the project"
    ): (
        "Für jeden ausgewählten Streifen einen Auftrag für eine Renderfarm schreiben: seine Bilder in Portionen für "
        "viele Rechner, dann der Freisteller in einer Kopie des Projekts"
    ),
    "Where the jobs are written, each into a folder with its strip's name": (
        "Wohin die Aufträge geschrieben werden, jeder in einen Ordner mit dem Namen seines Streifens"
    ),
    "Mute Source": "Quelle stummschalten",
    "Mute the movie strip when its cutout is in place, so that the background is gone": (
        "Den Filmstreifen stummschalten, wenn sein Freisteller da ist, damit der Hintergrund weg ist"
    ),
    # Edges
    "Edges": "Ränder",
    "Refine Edges": "Ränder verfeinern",
    "Let the matte follow the picture's own edges, at the movie's full size": (
        "Die Matte den Kanten des Bildes folgen lassen, in voller Größe des Films"
    ),
    "Clean Edge Color": "Randfarbe säubern",
    "Take the old background's color out of hair, blur and other soft edges": (
        "Die Farbe des alten Hintergrunds aus Haar, Unschärfe und anderen weichen Rändern nehmen"
    ),
    "Steady": "Ruhig",
    "Remove flicker, with the help of the frames before and after. A cut is left as it is": (
        "Flackern entfernen, mit Hilfe der Bilder davor und danach. Ein Schnitt bleibt, wie er ist"
    ),
    # Subject
    "Subject": "Motiv",
    "Keep": "Behalten",
    "Which of several separate things is the subject": "Welches von mehreren getrennten Dingen das Motiv ist",
    "Everything": "Alles",
    "All that the network finds": "Alles, was das Netz findet",
    "Largest": "Größtes",
    "The largest separate piece, even where another is larger for a few frames": (
        "Das größte getrennte Stück, auch wo ein anderes für ein paar Bilder größer ist"
    ),
    "Picked": "Ausgewähltes",
    "The piece that was picked with Pick Subject, followed through the strip": (
        "Das Stück, das mit Motiv auswählen ausgewählt wurde, durch den Streifen verfolgt"
    ),
    "Region": "Bereich",
    "From": "Von",
    "To": "Bis",
    "Look for the subject in a part of the picture alone, and at more detail. Nothing outside is kept": (
        "Das Motiv nur in einem Teil des Bildes suchen, und genauer. Außerhalb bleibt nichts"
    ),
    "Region Min": "Bereich, Anfang",
    "Left and lower side of the region, as parts of the movie's picture": (
        "Linke und untere Seite des Bereichs, als Teile des Bildes"
    ),
    "Region Max": "Bereich, Ende",
    "Right and upper side of the region, as parts of the movie's picture": (
        "Rechte und obere Seite des Bereichs, als Teile des Bildes"
    ),
    "Mask": "Maske",
    "A mask, drawn over the movie's picture in the Image Editor or the Clip Editor": (
        "Eine Maske, im Bildeditor oder im Clipeditor über das Bild des Films gezeichnet"
    ),
    "Mask Mode": "Maskenmodus",
    "What the mask does to the matte": "Was die Maske mit der Matte macht",
    "Limit": "Begrenzen",
    "Nothing outside the mask belongs to the subject": "Nichts außerhalb der Maske gehört zum Motiv",
    "Exclude": "Ausschließen",
    "Nothing inside the mask belongs to the subject": "Nichts innerhalb der Maske gehört zum Motiv",
    "Include": "Einschließen",
    "Everything inside the mask belongs to the subject": "Alles innerhalb der Maske gehört zum Motiv",
    # Shape
    "Shape": "Form",
    "Clip Black": "Schwarz kappen",
    "Alpha at or below this becomes transparent: takes haze away": (
        "Alpha bis zu diesem Wert wird durchsichtig: nimmt Schleier weg"
    ),
    "Clip White": "Weiß kappen",
    "Alpha at or above this becomes opaque: closes faint places inside the subject": (
        "Alpha ab diesem Wert wird deckend: schließt schwache Stellen im Motiv"
    ),
    "Drop Specks": "Flecken weglassen",
    "Separate pieces smaller than this part of the picture are dropped": (
        "Getrennte Stücke, die kleiner sind als dieser Teil des Bildes, fallen weg"
    ),
    "Fill Holes": "Löcher füllen",
    "Holes in the subject smaller than this part of the picture are filled": (
        "Löcher im Motiv, die kleiner sind als dieser Teil des Bildes, werden gefüllt"
    ),
    "Grow": "Wachsen",
    "Pixels of the movie by which the matte's edges move outwards; less than 0 shrinks": (
        "Pixel des Films, um die die Ränder der Matte nach außen rücken; unter 0 schrumpft sie"
    ),
    "Feather": "Weiche Kante",
    "Pixels of the movie over which the matte's edges are softened": (
        "Pixel des Films, über die die Ränder der Matte weich werden"
    ),
    "Invert": "Umkehren",
    "Keep the background, and remove the subject": "Den Hintergrund behalten und das Motiv entfernen",
    # The preview
    "Show": "Zeigen",
    "What the preview shows of the matte": "Was die Vorschau von der Matte zeigt",
    "Red": "Rot",
    "The matte in red over the picture": "Die Matte in Rot über dem Bild",
    "The cutout over a checkerboard": "Der Freisteller über einem Schachbrett",
    "The matte alone: white stays, black goes": "Die Matte allein: Weiß bleibt, Schwarz geht",
    # The machine's settings
    "Models": "Modelle",
    "An ONNX file with one NCHW float image input and a matte as its first output, such as U2-Net": (
        "Eine ONNX-Datei mit einem Bild als Eingabe (NCHW, Fließkomma) und einer Matte als erster Ausgabe, wie U2-Net"
    ),
    "Device": "Gerät",
    "What the network runs on": "Worauf das Netz läuft",
    "Must Use": "Nur dieses",
    "Make no matte where the chosen device is not there or fails, instead of using the next one": (
        "Keine Matte machen, wo das gewählte Gerät fehlt oder versagt, statt das nächste zu nehmen"
    ),
    "Provider Library": "Provider-Bibliothek",
    "A plug-in library that lets ONNX Runtime use another device, such as onnxruntime_providers_webgpu from the "
    "unzipped wheel of onnxruntime-ep-webgpu. Choose one that you trust: it is a program": (
        "Eine Plug-in-Bibliothek, mit der ONNX Runtime ein anderes Gerät nutzt, wie onnxruntime_providers_webgpu aus "
        "dem entpackten Wheel onnxruntime-ep-webgpu. Wählen Sie eine, der Sie trauen: sie ist ein Programm"
    ),
    "Cores": "Kerne",
    "Processor cores that a job may use. 0 takes all; in a window, all but one of three or more": (
        "Prozessorkerne, die ein Auftrag nutzen darf. 0 nimmt alle; in einem Fenster alle bis auf einen von dreien "
        "oder mehr"
    ),
    # What the panel tells
    "A cutout has 8 bits a channel and no color tags": "Ein Freisteller hat 8 Bit je Kanal und keine Farbangaben",
    "# bits a channel": "# Bit je Kanal",
    "Select a movie strip or an image strip in the sequencer": (
        "Wählen Sie im Sequenzer einen Filmstreifen oder einen Bildstreifen aus"
    ),
    "The scene is linked from another file. Make it local, and try again": (
        "Die Szene ist aus einer anderen Datei verknüpft. Machen Sie sie lokal, und versuchen Sie es noch einmal"
    ),
    "# frames": "# Bilder",
    "about # min": "etwa # min",
    "# of # frames are there already": "# von # Bildern sind schon da",
    "Device: {}": "Gerät: {}",
    "Made on {}": "Gemacht auf: {}",
    "# of # frames": "# von # Bildern",
    "# frames/s": "# Bilder/s",
    "# left": "noch #",
    "waiting": "wartet",
    "# waiting": "# warten",
    "Matte: done": "Matte: fertig",
    "Matte of {}: {}": "Matte von {}: {}",
    "Stop this one": "Diese anhalten",
    "stopped": "angehalten",
    "stopping after the one in hand": "hält nach diesem an",
    "# frames done": "# Bilder fertig",
    "failed": "fehlgeschlagen",
    "no progress for #": "kein Fortschritt seit #",
    "frames # to #": "Bilder # bis #",
    "# compared": "# verglichen",
    "all the same": "alle gleich",
    "# doubtful frames": "# zweifelhafte Bilder",
    "# picks in the selected strips": "#-mal in den ausgewählten Streifen ausgewählt",
    "Nothing is picked yet": "Noch nichts ausgewählt",
    "Matting source frame # ...": "Bild # der Quelle wird bearbeitet ...",
    "Matte of source frame #": "Matte von Bild # der Quelle",
    "# images deleted": "# Bilddateien gelöscht",
    "# images stay": "# Bilddateien bleiben",
    "for another strip shows them": "denn ein anderer Streifen zeigt sie",
    "for the compositor or another part reads them": "denn der Compositor oder ein anderer Teil liest sie",
    "for another process makes some of them": "denn ein anderer Prozess macht einige davon",
    "for they were altered by hand": "denn sie wurden von Hand geändert",
    "Shipped": "Mitgeliefert",
    "Here": "Hier",
    "Not here": "Nicht hier",
    "#% kept": "#% behalten",
    "{}. Licence: {}": "{}. Lizenz: {}",
}
_MODELS = [text for text in _TEXTS if text.startswith(("Any subject", "People", "Fine and thin"))]
_COMES_FROM = {
    "It comes with Strip Matte": "Es kommt mit Strip Matte",
    "It is downloaded, or added, in the add-on's preferences": f"Es wird {_PREFERENCES}",
}
TEXTS = _TEXTS | {
    f"{text}. {where}": f"{_TEXTS[text]}. {_COMES_FROM[where]}" for text in _MODELS for where in _COMES_FROM
}
