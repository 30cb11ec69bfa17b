# A study's clients and responses as R's haven writes them for Stata and SPSS: value labels in Danish, Swedish and
# English, dates, user-missing values (.a and .b in Stata; 9, 98 and 99 declared missing in SPSS), å ä ö æ ø.
# The rest is the tiny study of tests/tiny.py. Writes tests/reference/labelled/*.dta and *.sav:
#   Rscript tests/reference/labelled.R
library(haven)
folder <- "tests/reference/labelled"
dir.create(folder, showWarnings = FALSE)

clients <- data.frame(client = paste0("k", 1:6))
clients$jobcentre <- labelled(c(1, 2, 3, 2, 1, 4), c("Sønderborg" = 1, "Århus" = 2, "Växjö" = 3, "Ærø" = 4))
clients$enrolled <- as.Date(c("2014-01-06", "2014-02-03", "2014-02-10", "2014-03-05", "2014-04-01", "2014-05-15"))
clients$sex <- labelled(c(2, 1, 2, 1, 2, 1), c("Mand" = 1, "Kvinde" = 2))
clients$birth_year <- c(1970, 1985, 1960, 1979, 1990, 1966)
clients$civil_status <- c(1, 2, 2, NA, 1, 2)
clients$origin <- labelled(c(0, 0, 1, 0, 0, 1), c("Västligt ursprung" = 0, "Icke-västligt ursprung" = 1))
clients$vocational_qualification <- labelled(c(2, 1, 2, 1, NA, 1), c("Nej" = 1, "Ja" = 2))
clients$mental_diagnosis <- c(FALSE, TRUE, FALSE, FALSE, TRUE, FALSE)
clients$musculoskeletal_diagnosis <- labelled(c(0, 0, 1, 0, 0, 1), c("ingen kendt lidelse" = 0, "lidelse" = 1))
clients$convicted <- c(0L, 0L, 0L, 1L, 0L, 0L)
clients$job_share_5y <- c(0.5, 0.125, 0, 0.1, 1 / 3, NA)
clients$support_share_5y <- c(0.25, 0.75, 1, 0.7, 2 / 3, 0.9)

rounds <- data.frame(
  client = rep(paste0("k", 1:6), each = 2),
  caseworker = c("c1", "c1", "c1", "c1", "c2", "c2", "c2", "cæ3", "cæ3", "cæ3", "cæ3", "cæ3"),
  date = as.Date(c("2014-01-08", "2014-04-09", "2014-02-05", "2014-05-07", "2014-02-12", "2014-05-14", "2014-03-07",
                   "2014-06-06", "2014-04-02", "2014-07-02", "2014-05-16", "2014-08-15"))
)
responses <- rounds[rep(1:12, each = 2), ]
responses$respondent <- labelled(rep(c(1, 2), 12), c("Borger" = 1, "Sagsbehandler" = 2))
items <- c("job_search", "labour_market_knowledge", "health_coping", "cooperation", "work_self_efficacy",
           "realistic_wage", "caseworker_belief", "goal_directed", "realistic_competences", "everyday_coping", "network")
for (k in seq_along(items)) {
  answer <- 1 + (2 * (rep(1:12, each = 2) - 1) + k - 1) %% 5
  if (items[k] %in% c("caseworker_belief", "goal_directed")) answer[responses$respondent == 1] <- NA
  responses[[items[k]]] <- answer
}
ends <- c("Meget låg" = 1, "Meget høj" = 5)

# Stata: extended missing values with and without a label
clients$civil_status[4] <- tagged_na("b")
clients$civil_status <- labelled(clients$civil_status, c("In a couple" = 1, "Single" = 2, "uoplyst" = tagged_na("b")))
stata <- responses
stata$network[4] <- tagged_na("a")
stata$health_coping[1:2] <- c(tagged_na("a"), tagged_na("b"))
stata$health_coping <- labelled(stata$health_coping, c(ends, "Vil ikke svare" = tagged_na("a")))
write_dta(clients, file.path(folder, "clients.dta"))
write_dta(stata, file.path(folder, "responses.dta"))

# SPSS: values declared missing, one by one and as a range
clients$civil_status <- labelled_spss(c(1, 2, 2, 9, 1, 2), c("In a couple" = 1, "Single" = 2, "uoplyst" = 9),
                                      na_values = 9)
spss <- responses
spss$network[4] <- 99
spss$network <- labelled_spss(spss$network, na_values = 99)
spss$health_coping[1:2] <- c(98, 99)
spss$health_coping <- labelled_spss(spss$health_coping, c(ends, "Vil ikke svare" = 98), na_range = c(90, 99))
attr(spss$client, "width") <- 12
attr(spss$client, "format.spss") <- "A12"
write_sav(clients, file.path(folder, "clients.sav"))
write_sav(spss, file.path(folder, "responses.sav"))
